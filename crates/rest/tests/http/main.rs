//! Uploads and tokens over real sockets.

#[cfg(test)]
mod client;
#[cfg(test)]
mod server;

#[cfg(test)]
mod pages;
#[cfg(test)]
mod parts;
#[cfg(test)]
mod reads;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod uploads;
