//! Tests of the published networks.
