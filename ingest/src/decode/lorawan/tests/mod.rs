mod devices;
mod kept;
mod published;
mod servers;
