//! The words of the `dialgate` command line.

use crate::error::{Error, Result};
use crate::issuer::TokenRequest;
use crate::neighbours::Neighbours;
use crate::operate::{self, PurchasesArguments, ReconcileArguments, RedriveArguments};
use crate::replay::Replay;
use crate::report::{Form, Report, write_line};
use crate::stack::Ports;
use crate::trigger::Trigger;
use crate::up::{self, Up};
use crate::webhook_event::{self, WebhookEvent};
use crate::workspace::Workspace;
use crate::{doctor, drain, issuer, persona_simulator, phones, process, replay, run, trigger, twilio_simulator};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::future::Future;
use std::process::ExitCode;
use time::OffsetDateTime;

/// Runs Dialgate on one machine and works with what is running.
#[derive(Debug, Parser)]
#[command(name = "dialgate", version, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start everything, deploy template.yaml, play one purchase and stay up until Ctrl-C
    Up(UpArguments),
    /// Play the story once on a stack of its own, then exit
    Demo {
        /// Write one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Run a command beside a stack of its own, whose description DIALGATE_STACK names; the exit code is the command's
    Run {
        /// The command and its arguments, after `--`
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
    /// Print a token of the running stack's issuer
    Token(TokenArguments),
    /// How many passcodes are answered, by country and channel, what they cost, and what Twilio counted
    Phones {
        /// Write one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Say what is missing on this machine and what is running
    Doctor,
    /// Let many purchases wait for one approval on a stack of its own, and tell how long they take after it
    Drain {
        /// How many
        #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=i64::from(drain::PURCHASES_MAX)))]
        purchases: u32,
    },
    /// Tell every purchase that is not over, and where it stands (exit code 3: the sweep is late for some)
    Purchases(PurchasesArguments),
    /// Move dead letters back to the purchase queue, and say what each is (exit code 3: some are left)
    Redrive(RedriveArguments),
    /// Compare the carrier's numbers with the table, and name what does not fit (exit code 3: something does not)
    Reconcile(ReconcileArguments),
    /// Print an event file for `cargo lambda invoke persona-webhook`, signed just now
    Event(EventArguments),
    /// Send one of Persona's events to the running stack, rightly signed or deliberately wrong
    Trigger {
        #[command(flatten)]
        trigger: Trigger,
        /// Write one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print what a stored event of Persona's would do, without doing it
    Replay {
        #[command(flatten)]
        replay: Replay,
        /// Write one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Run Persona's simulator alone
    PersonaSimulator(PersonaArguments),
    /// Run Twilio's simulator alone
    TwilioSimulator(TwilioArguments),
    /// Run the token issuer alone
    Issuer {
        /// Port on 127.0.0.1; 0 takes any free one
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
    /// Run a program until standard input closes
    #[command(hide = true)]
    Guard {
        /// The program and its arguments
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
}

#[derive(Debug, Args)]
struct UpArguments {
    /// Run the functions under `cargo lambda watch`, which builds them again whenever their code changes
    #[arg(long)]
    watch: bool,
    /// Write one JSON object a line
    #[arg(long)]
    json: bool,
    /// Port of the AWS emulator, which also serves the API
    #[arg(long, default_value_t = 4566)]
    emulator_port: u16,
    /// Port of Persona's simulator
    #[arg(long, default_value_t = 4567)]
    persona_port: u16,
    /// Port of Twilio's simulator
    #[arg(long, default_value_t = 4568)]
    twilio_port: u16,
    /// Port of the token issuer
    #[arg(long, default_value_t = 4569)]
    issuer_port: u16,
}

#[derive(Debug, Args)]
struct TokenArguments {
    /// A sub-account that the caller acts for; may be repeated
    #[arg(long = "sub-account", required_unless_present = "agency")]
    sub_accounts: Vec<String>,
    /// The agency that the caller acts for
    #[arg(long)]
    agency: Option<String>,
    /// Space-separated scopes
    #[arg(long, default_value = issuer::DEFAULT_SCOPE)]
    scope: String,
}

#[derive(Debug, Args)]
struct EventArguments {
    /// Which event
    name: WebhookEvent,
    /// The inquiry that it is about; without one, an inquiry that nobody opened
    #[arg(long, default_value = "inq_NobodyOpenedThisInquiry1")]
    inquiry: String,
    /// What signs it; the running stack's secret by default
    #[arg(long)]
    secret: Option<String>,
    /// The inquiry's template; the running stack's by default
    #[arg(long)]
    template: Option<String>,
}

#[derive(Debug, Args)]
struct PersonaArguments {
    /// Port on 127.0.0.1; 0 takes any free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The key that callers must show
    #[arg(long, default_value = "persona_sandbox_local")]
    api_key: String,
    /// The only inquiry template
    #[arg(long, default_value = "itmpl_DialgateGovernmentIdAndSelfie")]
    template_id: String,
    /// Its published version
    #[arg(long, default_value = "itmplv_DialgateGovernmentIdAndSelfie1")]
    template_version_id: String,
    /// The secret that the first registered webhook gets
    #[arg(long)]
    webhook_secret: Option<String>,
    /// Simulated seconds per real second
    #[arg(long, default_value_t = 1.0)]
    clock_scale: f64,
    /// What the template's workflow does with a completed inquiry
    #[arg(long, value_enum, default_value_t = DecisionName::Approve)]
    decision: DecisionName,
    /// How long it takes to approve, in milliseconds
    #[arg(long, default_value_t = 0)]
    approve_after_ms: u64,
}

/// What a simulated workflow does with a completed inquiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DecisionName {
    /// Approves it
    Approve,
    /// Leaves it completed
    None,
    /// Marks it for review
    Review,
    /// Declines it
    Decline,
}

#[derive(Debug, Args)]
struct TwilioArguments {
    /// Port on 127.0.0.1; 0 takes any free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The account
    #[arg(long, default_value = "AC00000000000000000000000000000000")]
    account_sid: String,
    /// Its token, which may buy
    #[arg(long, default_value = "local")]
    auth_token: String,
    /// A restricted API key, which may search and not buy
    #[arg(long, default_value = "SK00000000000000000000000000000000")]
    api_key_sid: String,
    /// The restricted key's secret
    #[arg(long, default_value = "local-restricted")]
    api_key_secret: String,
    /// The first Verify service
    #[arg(long, default_value = "VA00000000000000000000000000000000")]
    verify_service_sid: String,
    /// Simulated seconds per real second
    #[arg(long, default_value_t = 1.0)]
    clock_scale: f64,
}

/// Does what the arguments say. The exit code is 0 on success, 1 on an error, which is written to standard error, 3 if
/// all was done and something is left for a person to decide, and 130 if Ctrl-C came before the work was done.
#[must_use]
pub fn run(arguments: Arguments) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(failure) => return complain(&Error::io("start")(failure)),
    };
    match runtime.block_on(perform(arguments.command)) {
        Ok(code) => code,
        Err(failure) => complain(&failure),
    }
}

#[expect(clippy::print_stderr, reason = "the one place where the command line says why it failed")]
fn complain(failure: &Error) -> ExitCode {
    eprintln!("dialgate: {failure}");
    ExitCode::FAILURE
}

async fn perform(command: Command) -> Result<ExitCode> {
    match command {
        Command::Up(arguments) => up(arguments).await,
        Command::Demo { json } => up::demo(Report::new(Form::suiting_output(json))).await,
        Command::Run { command } => run::run(&command).await,
        Command::Token(arguments) => token(arguments).await,
        Command::Phones { json } => phones::show(json).await,
        Command::Doctor => doctor::examine().await,
        Command::Drain { purchases } => drain::drain(purchases, Report::new(Form::suiting_output(false))).await,
        Command::Redrive(arguments) => operate::redrive_letters(arguments).await,
        Command::Purchases(arguments) => operate::tell_purchases(arguments).await,
        Command::Reconcile(arguments) => operate::reconcile_account(arguments).await,
        Command::Event(arguments) => event(arguments),
        Command::Trigger { trigger, json } => {
            let stack = up::running(&Workspace::find()?)?;
            let outcome = trigger::trigger(&stack, &trigger).await?;
            told(json, &outcome, outcome.lines())
        }
        Command::Replay { replay, json } => {
            let verdict = replay::replay(&replay, || up::running(&Workspace::find()?)).await?;
            told(json, &verdict, verdict.lines())
        }
        Command::PersonaSimulator(arguments) => persona(arguments).await,
        Command::TwilioSimulator(arguments) => twilio(arguments).await,
        Command::Issuer { port } => {
            serve(port, async |listener, _url| issuer::serve(listener, up::interrupted()).await).await
        }
        Command::Guard { command } => guard(&command).await,
    }
}

async fn up(arguments: UpArguments) -> Result<ExitCode> {
    let ports = Ports {
        emulator: Some(arguments.emulator_port),
        persona: Some(arguments.persona_port),
        twilio: Some(arguments.twilio_port),
        issuer: Some(arguments.issuer_port),
    };
    let report = Report::new(Form::suiting_output(arguments.json));
    up::up(Up { ports, watch: arguments.watch, neighbours: Neighbours::from_environment()?, report }).await
}

async fn token(arguments: TokenArguments) -> Result<ExitCode> {
    let stack = up::running(&Workspace::find()?)?;
    let request = TokenRequest {
        sub_accounts: arguments.sub_accounts,
        agency: arguments.agency,
        scope: Some(arguments.scope),
        ..TokenRequest::default()
    };
    write_line(&issuer::request_token(&stack.issuer_url, &request).await?);
    Ok(ExitCode::SUCCESS)
}

fn event(arguments: EventArguments) -> Result<ExitCode> {
    let (secret, template) = match (arguments.secret, arguments.template) {
        (Some(secret), Some(template)) => (secret, template),
        (secret, template) => {
            let stack = up::running(&Workspace::find()?)?;
            (secret.unwrap_or(stack.webhook_secret), template.unwrap_or(stack.persona_template_id))
        }
    };
    let now = OffsetDateTime::now_utc();
    let event = webhook_event::event(arguments.name, &arguments.inquiry, &template, &secret, now)?;
    write_line(&format!("{event:#}"));
    Ok(ExitCode::SUCCESS)
}

/// Writes an outcome for a program, or for a person.
fn told(json: bool, outcome: &impl serde::Serialize, lines: Vec<String>) -> Result<ExitCode> {
    if json {
        let unwritable = |failure| Error::io("write JSON")(std::io::Error::other(failure));
        write_line(&serde_json::to_string(outcome).map_err(unwritable)?);
    } else {
        for line in lines {
            write_line(&line);
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn persona(arguments: PersonaArguments) -> Result<ExitCode> {
    let decision = match arguments.decision {
        DecisionName::Approve => {
            persona_simulator::Decision::ApproveOnCompletion { after_ms: arguments.approve_after_ms }
        }
        DecisionName::None => persona_simulator::Decision::None,
        DecisionName::Review => persona_simulator::Decision::Review,
        DecisionName::Decline => persona_simulator::Decision::Decline,
    };
    serve(arguments.port, async |listener, port| {
        let settings = persona_simulator::Settings {
            api_key: arguments.api_key,
            template_id: arguments.template_id,
            template_version_id: arguments.template_version_id,
            // Persona's browser SDK speaks plain http to this host name only.
            public_url: format!("http://localhost:{port}"),
            webhook_secret: arguments.webhook_secret,
            clock_scale: arguments.clock_scale,
            decision,
        };
        persona_simulator::serve(listener, settings, up::interrupted())
            .await
            .map_err(Error::io("serve Persona's simulator"))
    })
    .await
}

async fn twilio(arguments: TwilioArguments) -> Result<ExitCode> {
    serve(arguments.port, async |listener, _port| {
        let settings = twilio_simulator::Settings {
            account_sid: arguments.account_sid,
            auth_token: arguments.auth_token,
            api_key_sid: arguments.api_key_sid,
            api_key_secret: arguments.api_key_secret,
            verify_service_sid: arguments.verify_service_sid,
            clock_scale: arguments.clock_scale,
        };
        twilio_simulator::serve(listener, settings, up::interrupted())
            .await
            .map_err(Error::io("serve Twilio's simulator"))
    })
    .await
}

async fn guard(command: &[String]) -> Result<ExitCode> {
    match command {
        [program, arguments @ ..] => process::guard(program, arguments).await.map(ExitCode::from),
        [] => Ok(ExitCode::FAILURE),
    }
}

/// Listens on a loopback port, says where, and serves until interrupted.
async fn serve<Served>(port: u16, server: impl FnOnce(tokio::net::TcpListener, u16) -> Served) -> Result<ExitCode>
where
    Served: Future<Output = Result<()>>,
{
    let listening = || format!("listen on port {port}");
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.map_err(Error::io(listening()))?;
    let address = listener.local_addr().map_err(Error::io(listening()))?;
    process::announce(address);
    server(listener, address.port()).await?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::Arguments;
    use clap::CommandFactory;

    #[test]
    fn the_words_fit_together() {
        Arguments::command().debug_assert();
    }
}
