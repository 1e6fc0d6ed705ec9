//! The shell around an app, asked without a socket.

#[cfg(test)]
mod answers;
#[cfg(test)]
mod description;
#[cfg(test)]
mod kit;
#[cfg(test)]
mod lab;
#[cfg(test)]
mod life;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod studio;
