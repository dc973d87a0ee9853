//! `q` as it is run: its output, its exit status, and what it does to the files of a throwaway home.

#![allow(clippy::unwrap_used)] // Clippy only knows the functions marked as tests, not those that they call.

mod command_line;
mod dotfiles;
mod engine;
mod home;
mod player;
mod readme;
mod scripts;
mod specs;
mod trust;
mod versions;
mod why;
