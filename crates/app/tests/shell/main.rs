//! The shell around an app, asked without a socket.

#[cfg(test)]
mod answers;
#[cfg(test)]
mod lab;
