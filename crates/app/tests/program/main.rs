//! An app's program as a process: when its port opens, what ends it, and how.

#[cfg(test)]
mod life;
#[cfg(test)]
mod process;
#[cfg(test)]
mod sessions;
