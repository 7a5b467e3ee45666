package table_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"gomine/mine/table"
)

func ExampleOpenStream() {
	r, err := table.OpenStream("stones", strings.NewReader("carat,cut,price\n0.2,3,367\n0.3,1,402\n"), table.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	size, err := r.Select("x", "carat,cut")
	if err != nil {
		log.Fatal(err)
	}
	price, err := r.Select("z", "price")
	if err != nil {
		log.Fatal(err)
	}
	sources, err := r.Read(context.Background(), size, price)
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range sources {
		for _, c := range s.Columns() {
			fmt.Println(c.Name, c.Kind)
		}
	}
	// Output:
	// carat real
	// cut integer
	// price integer
}
