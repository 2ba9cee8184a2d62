mod agreement;
mod bounds;
mod devices;
mod kept;
mod others;
mod published;
mod servers;
