//! The login endpoints, health and metrics of Countersign.
