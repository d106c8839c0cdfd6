//! What a person, or a program, is told while the stack comes up and the story is played.

use serde_json::{Map, Value, json};
use std::io::{IsTerminal, Write};
use std::time::Instant;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Nothing is written; for tests.
    Quiet,
    /// Lines for a person, without colours.
    Plain,
    /// Lines for a person at a terminal.
    Coloured,
    /// One JSON object a line.
    Json,
}

impl Form {
    /// The form that suits standard output: colours on a terminal only, and not if `NO_COLOR` is set.
    #[must_use]
    pub fn suiting_output(json: bool) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        match (json, std::io::stdout().is_terminal() && !plain) {
            (true, _) => Self::Json,
            (false, true) => Self::Coloured,
            (false, false) => Self::Plain,
        }
    }
}

/// Writes lines to standard output, each with the time since the report began.
#[derive(Debug, Clone)]
pub struct Report {
    form: Form,
    began: Instant,
}

impl Report {
    /// A report that begins now.
    #[must_use]
    pub fn new(form: Form) -> Self {
        Self { form, began: Instant::now() }
    }

    /// Writes one line: which stage it belongs to, what happened, and the ids that go with it.
    pub fn line(&self, stage: &str, text: &str, ids: &[(&str, &str)]) {
        let elapsed = self.began.elapsed();
        let line = match self.form {
            Form::Quiet => return,
            Form::Json => json_line(stage, text, ids, elapsed.as_millis()),
            Form::Plain => format!("{:>7.2} s  {stage:<8} {text}", elapsed.as_secs_f64()),
            Form::Coloured => {
                format!("\u{1b}[2m{:>7.2} s\u{1b}[0m  \u{1b}[36m{stage:<8}\u{1b}[0m {text}", elapsed.as_secs_f64())
            }
        };
        write_line(&line);
    }

    /// Writes an explanation that is no event: nothing of it appears in the JSON form.
    pub fn note(&self, text: &str) {
        match self.form {
            Form::Quiet | Form::Json => {}
            Form::Plain | Form::Coloured => write_line(text),
        }
    }
}

/// Writes a line to standard output. A reader that went away, such as `head`, is no reason to fail.
pub(crate) fn write_line(line: &str) {
    let mut output = std::io::stdout().lock();
    let _gone = writeln!(output, "{line}").and_then(|()| output.flush());
}

fn json_line(stage: &str, text: &str, ids: &[(&str, &str)], elapsed_ms: u128) -> String {
    let mut object = Map::new();
    let at = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
    object.insert("at".to_owned(), json!(at));
    object.insert("elapsed_ms".to_owned(), json!(u64::try_from(elapsed_ms).unwrap_or(u64::MAX)));
    object.insert("stage".to_owned(), json!(stage));
    object.insert("text".to_owned(), json!(text));
    object.extend(ids.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
    Value::Object(object).to_string()
}

#[cfg(test)]
mod tests {
    use super::json_line;

    #[test]
    fn a_json_line_holds_the_stage_the_text_and_the_ids() {
        let line = json_line("story", "a \"quoted\" text", &[("purchase", "pur_1")], 42);
        let value: serde_json::Value = serde_json::from_str(&line).expect("one JSON object");
        assert_eq!(value["stage"], "story");
        assert_eq!(value["text"], "a \"quoted\" text");
        assert_eq!(value["purchase"], "pur_1");
        assert_eq!(value["elapsed_ms"], 42);
        assert!(value["at"].as_str().is_some_and(|at| at.ends_with('Z')));
    }
}
