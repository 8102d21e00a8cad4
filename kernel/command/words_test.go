package command

import (
	"reflect"
	"testing"

	"github.com/spf13/pflag"

	"github.com/trustsr/trustsr/kernel/app"
)

// Each option of a model has a flag, and each flag an option: no front end
// knows a setting that the use case does not.
func TestModelFlags(t *testing.T) {
	var o modelFlags
	f := pflag.NewFlagSet("sample", pflag.ContinueOnError)
	o.register(f)
	flags := map[string]bool{}
	f.VisitAll(func(f *pflag.Flag) { flags[f.Name] = true })
	options := reflect.TypeFor[app.ModelOptions]()
	for i := range options.NumField() {
		name := flagOf(options.Field(i).Name)
		if !flags[name] {
			t.Errorf("option %s has no flag --%s", options.Field(i).Name, name)
		}
		delete(flags, name)
	}
	for name := range flags {
		t.Errorf("flag --%s belongs to no option", name)
	}
	if err := f.Parse([]string{"--steps", "9", "--eta", "0"}); err != nil {
		t.Fatal(err)
	}
	o.onlyGiven(f.Changed)
	eta := o.Eta
	o.Eta = nil
	if want := (app.ModelOptions{Steps: 9}); o.ModelOptions != want || eta == nil || *eta != 0 {
		t.Errorf("got %+v and eta %v, want %+v and 0", o.ModelOptions, eta, want)
	}
}
