//! Persona's signature: which headers are believed, and what a delivery may do once they are not, or only just.

mod cases;
mod deliveries;
mod hmac;
mod payloads;
