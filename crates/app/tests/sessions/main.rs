//! Sessions with an app, without a socket: in every shape, and to every end.

#[cfg(test)]
#[path = "../../examples/live_lab/app.rs"]
mod app;
#[cfg(test)]
mod buffering;
#[cfg(test)]
mod handshake;
#[cfg(test)]
mod life;
#[cfg(test)]
mod messages;
#[cfg(test)]
mod shapes;
