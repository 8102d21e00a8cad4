package picture_test

import (
	"fmt"
	"log"
	"path/filepath"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/srspace/picture"
)

func ExampleReadFile() {
	m, err := picture.ReadFile("testdata/gopher.png")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d×%d\n", m.Width, m.Height)

	_, err = picture.ReadFile(filepath.Join("testdata", "README.md"))
	fmt.Println("error:", err)
	fmt.Println("hint:", hint.Of(err))
	// Output:
	// 75×100
	// error: testdata/README.md: not an image file
	// hint: the formats read are PNG, JPEG, GIF, BMP, TIFF and WebP, whatever the file is called
}
