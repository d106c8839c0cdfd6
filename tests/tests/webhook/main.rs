//! Persona's deliveries: what is answered, in which forms they come, in which order, and what others got wrong.

mod answers;
mod payloads;
mod signature;
