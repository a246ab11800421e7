package setup

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestTheTableOfSettingsIsWhole holds the table in README.md against what each program reads, and the other way round.
func TestTheTableOfSettingsIsWhole(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	table := map[string]string{} // by setting: of which programs
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) < 5 || !strings.Contains(cells[1], "`") {
			continue
		}
		for i, name := range strings.Split(cells[1], "`") {
			if i%2 == 1 {
				table[name] = cells[2]
			}
		}
	}
	read := map[string]bool{}
	for program, config := range map[string]any{"web": WebConfig{}, "worker": WorkerConfig{}, "volary": CommandConfig{}} {
		for _, name := range settingNames(reflect.TypeOf(config)) {
			read[name] = true
			if !strings.Contains(table[name], program) {
				t.Errorf("%s reads %s, and the table names it of %q", program, name, table[name])
			}
		}
	}
	for name := range table {
		if strings.HasPrefix(name, "VOLARY_") && !read[name] {
			t.Errorf("the table has %s, which no program reads", name)
		}
	}
}

func settingNames(config reflect.Type) (names []string) {
	for f := range config.NumField() {
		field := config.Field(f)
		if name, _, _ := strings.Cut(field.Tag.Get("env"), ","); name != "" {
			names = append(names, name)
		} else if field.Type.Kind() == reflect.Struct {
			names = append(names, settingNames(field.Type)...)
		}
	}
	return names
}
