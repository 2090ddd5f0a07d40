//! The reverse proxy of Countersign.
