//! Items as maps of attributes.

use adapters::store::{Item, Value};

#[test]
fn an_item_is_the_same_in_whatever_order_it_was_made() {
    let one = Item::from([("state", Value::N(1)), ("at", Value::N(2)), ("id", Value::N(3))]);
    let mut other = Item::from([("id", Value::N(3))]);
    other.insert("at", Value::N(2));
    other.insert("state".to_owned(), Value::N(1));
    assert_eq!(one, other);
}

#[test]
fn a_name_is_there_once_and_its_last_value_counts() {
    let mut item = Item::from([("a", Value::N(1)), ("b", Value::N(2)), ("a", Value::N(3)), ("a", Value::N(4))]);
    assert_eq!(item.iter().len(), 2);
    assert_eq!(item.get("a"), Some(&Value::N(4)));
    item.insert("a", Value::N(5));
    assert_eq!((item.iter().len(), item.get("a")), (2, Some(&Value::N(5))));
}

#[test]
fn a_copy_changes_alone() {
    let item = Item::from([("a", Value::N(1)), ("bb", Value::N(2))]);
    let mut copy = item.clone();
    copy.insert("a", Value::N(3));
    assert_eq!(copy.remove("bb"), Some(Value::N(2)));
    assert_eq!(copy.remove("bb"), None);
    assert_eq!(item, Item::from([("a", Value::N(1)), ("bb", Value::N(2))]));
    assert_eq!(copy, Item::from([("a", Value::N(3))]));
    assert!(item.contains_key("bb") && !copy.contains_key("bb"));
}
