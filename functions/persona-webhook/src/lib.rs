//! persona-webhook
