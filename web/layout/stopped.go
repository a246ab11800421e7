package layout

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"
	"volary.dev/web/ui"
)

type typedField struct{ Name, Value string }

// typedFields are what a person typed or chose in words, for reading: neither ids nor what a form carries unseen.
func typedFields(typed url.Values) (list []typedField) {
	for _, name := range slices.Sorted(maps.Keys(typed)) {
		for _, value := range typed[name] {
			_, err := uuid.Parse(value)
			if strings.TrimSpace(value) == "" || err == nil || name == ui.SlipPlace || name == "token" || strings.HasPrefix(name, "shown_") {
				continue
			}
			label := strings.ReplaceAll(name, "_", " ")
			list = append(list, typedField{strings.ToUpper(label[:1]) + label[1:], value})
		}
	}
	return list
}

// present is for whom the person works now; empty: for nobody.
func (p OtherPlaceProps) present() string {
	if p.Layout.Organization != "" {
		return p.Layout.Organization
	}
	return p.Layout.Provider
}

func (p OtherPlaceProps) thing() string {
	if p.Reading {
		return "This page was asked for by a form that"
	}
	return "This form"
}
