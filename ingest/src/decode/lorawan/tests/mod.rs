mod devices;
mod published;
mod servers;
