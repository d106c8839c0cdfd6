//! An item and its attributes. A copy of an item costs nothing, and neither do our own names in it: the simulation
//! plays millions of reads of the same few items.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// Text: borrowed where it is a word of ours, owned where it was read or made.
pub type Text = Cow<'static, str>;

/// One attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Text.
    S(Text),
    /// A whole number; instants are milliseconds since the epoch.
    N(i64),
    /// Yes or no.
    Bool(bool),
    /// Attributes by name.
    Map(Item),
    /// Attributes in order.
    List(Vec<Value>),
}

/// One item: its attributes by name, the keys among them. Each name is there once, short ones first; copies share the
/// attributes until one is changed.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Item(Arc<Vec<(Text, Value)>>);

impl Item {
    /// An item without attributes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The attribute of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.place(name).ok().map(|place| &self.0[place].1)
    }

    /// Whether there is an attribute of this name.
    #[must_use]
    pub fn contains_key(&self, name: &str) -> bool {
        self.place(name).is_ok()
    }

    /// Sets the attribute of this name.
    pub fn insert(&mut self, name: impl Into<Text>, value: Value) {
        let name = name.into();
        let place = self.place(&name);
        let attributes = Arc::make_mut(&mut self.0);
        match place {
            Ok(place) => attributes[place].1 = value,
            Err(place) => attributes.insert(place, (name, value)),
        }
    }

    /// Takes the attribute of this name away; what it was.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let place = self.place(name).ok()?;
        Some(Arc::make_mut(&mut self.0).remove(place).1)
    }

    /// Every attribute.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Text, &Value)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// Where the attribute of this name stands, or would. Few names are of the same length, so that few are looked into.
    fn place(&self, name: &str) -> Result<usize, usize> {
        let mut place = self.0.partition_point(|(other, _)| other.len() < name.len());
        while let Some((other, _)) = self.0.get(place).filter(|(other, _)| other.len() == name.len()) {
            // Mostly it is the very same word of ours.
            if std::ptr::eq(other.as_ref(), name) {
                return Ok(place);
            }
            match other.as_ref().cmp(name) {
                Ordering::Less => place += 1,
                Ordering::Equal => return Ok(place),
                Ordering::Greater => break,
            }
        }
        Err(place)
    }
}

/// By length first: most names then differ without a look at their letters.
fn order(one: &str, other: &str) -> Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

impl fmt::Debug for Item {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.iter()).finish()
    }
}

impl IntoIterator for Item {
    type Item = (Text, Value);
    type IntoIter = std::vec::IntoIter<(Text, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        Arc::unwrap_or_clone(self.0).into_iter()
    }
}

impl<N: Into<Text>> FromIterator<(N, Value)> for Item {
    /// Of attributes with the same name the last counts.
    fn from_iter<I: IntoIterator<Item = (N, Value)>>(attributes: I) -> Self {
        let mut attributes: Vec<(Text, Value)> =
            attributes.into_iter().map(|(name, value)| (name.into(), value)).collect();
        attributes.sort_by(|(one, _), (other, _)| order(one, other));
        // Of two neighbours the first goes, once it has got the second's value.
        attributes.dedup_by(|second, first| {
            let same = second.0 == first.0;
            if same {
                std::mem::swap(&mut first.1, &mut second.1);
            }
            same
        });
        Self(Arc::new(attributes))
    }
}

impl<N: Into<Text>, const COUNT: usize> From<[(N, Value); COUNT]> for Item {
    fn from(attributes: [(N, Value); COUNT]) -> Self {
        attributes.into_iter().collect()
    }
}
