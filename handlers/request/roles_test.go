package request

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"
)

// Every permission of policy.go is put into words, so that the page of roles leaves none out.
func TestEveryPermissionIsInWords(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "policy.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var worded []string
	for _, d := range slices.Concat(orgDuties(), providerDuties(), platformDuties()) {
		worded = append(worded, string(d.Permission))
	}
	found := 0
	ast.Inspect(file, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := v.Type.(*ast.Ident); !ok || typ.Name != "Permission" {
			return true
		}
		text, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		found++
		if p := Permission(text); p != Anyone && p != SignedIn && !slices.Contains(worded, text) {
			t.Errorf("permission %q has no words in roles.go", p)
		}
		return true
	})
	if found < 15 {
		t.Errorf("only %d permissions were found in policy.go", found)
	}
}

func TestRoleGroupsFollowThePolicy(t *testing.T) {
	for _, g := range RoleGroups() {
		for _, d := range g.Duties {
			if len(d.May) != len(g.Roles) || !slices.Contains(d.May, true) {
				t.Errorf("%s: %q: %v of %v", g.Name, d.Text, d.May, g.Roles)
			}
		}
	}
	owner := RoleGroups()[0].Duties[1] // work
	if want := []bool{true, true, true, false, false}; !slices.Equal(owner.May, want) {
		t.Errorf("work: %v, want %v", owner.May, want)
	}
}
