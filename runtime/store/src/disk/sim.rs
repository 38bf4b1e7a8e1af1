//! A disk in memory that fails and loses power when told to.
