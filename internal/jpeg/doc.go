// Package jpeg decodes JPEG files into the very bytes that libjpeg-turbo gives
// with its default settings, and so Pillow, OpenCV and the toolkits built on
// them. The JPEG standard leaves the inverse transform and the enlargement of
// subsampled colour planes open; decoders differ by up to 40 of 255 levels in
// the latter. Here the inverse transform is the accurate integer one ("islow"),
// colour planes of half width or half height are enlarged with the triangle
// filter ("fancy upsampling"), and colours are converted with 16 bits of
// fraction.
//
// Read are baseline, extended and progressive files of 8 bits with Huffman
// codes, with one component (grey) or three (YCbCr or RGB).
package jpeg
