mod contenders;
mod crashes;
mod damage;
mod files;
mod pipeline;
mod poison;
mod world;
