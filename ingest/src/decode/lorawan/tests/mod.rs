mod agreement;
mod bounds;
mod devices;
mod kept;
mod published;
mod servers;
