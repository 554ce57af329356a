//! The kernels themselves, written once over [`crate::vector::Vector`].
//!
//! # Safety
//! Every function here is `unsafe` for two reasons: the CPU features of `V` must be present, and the lengths must
//! agree as the function says (they are checked in `crate::handle`, once, outside the loops).
#![allow(unsafe_code)]

pub(crate) mod conv;
pub(crate) mod cuts;
pub(crate) mod image;
pub(crate) mod least;
pub(crate) mod linear;
pub(crate) mod logistic;
pub(crate) mod math;
pub(crate) mod mixture;
pub(crate) mod motion;
pub(crate) mod norm;
pub(crate) mod squares;
