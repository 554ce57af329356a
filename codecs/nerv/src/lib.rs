//! Implicit video.
pub mod backward;
pub mod graph;
pub mod coder; pub mod geometry; pub mod motion;
pub mod search;
pub mod transform; pub mod coefficient; pub mod order; pub mod config; pub mod train;
