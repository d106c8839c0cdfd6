//! The clients of Persona, Twilio and DynamoDB against simulators and canned answers, over real connections: every kind of
//! answer, and none.

mod canned;
mod dynamodb;
mod inventory;
mod looking;
mod outcomes;
mod persona;
mod phones;
mod refusals;
mod servers;
mod stock;
mod twilio;
