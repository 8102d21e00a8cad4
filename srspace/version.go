package srspace

// Version is this module's version, as manifests record it: samples drawn by
// two versions of the same number have the same pixels.
const Version = "0.1.0"
