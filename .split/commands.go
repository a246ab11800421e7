package main

import (
	"go/ast"
	"go/types"
	"path"
	"slices"
	"strings"
	"unicode"
)

// commands moves each command (an exported method of the handle that opens a transaction, by itself or by another
// method of the handle) to a file of its name, with what nothing else uses.
func (p *program) commands() {
	uses := map[*declInfo]map[*declInfo]bool{} // by what it uses
	users := map[*declInfo]map[*declInfo]bool{}
	opens := map[*declInfo]bool{}
	fileOf := map[*declInfo]*file{}
	var all []*declInfo
	for _, name := range p.fileNames() {
		f := p.files[name]
		if !slices.Contains(p.m.commands, path.Dir(name)) {
			continue
		}
		for _, d := range f.decls {
			all = append(all, d)
			fileOf[d] = f
			ast.Inspect(d.node, func(n ast.Node) bool {
				id, ok := n.(*ast.Ident)
				if !ok {
					return true
				}
				o := f.pkg.TypesInfo.Uses[id]
				k := p.key(o)
				if k == "" {
					return true
				}
				if k == p.m.handle+".tx" {
					opens[d] = true
				}
				u := p.declOf(k)
				if u == nil || u == d || k == p.m.handle {
					return true
				}
				if _, isVar := o.(*types.Var); isVar && strings.HasPrefix(k, p.m.handle+".") {
					return true
				}
				if strings.HasSuffix(name, "_test.go") {
					return true
				}
				if uses[d] == nil {
					uses[d] = map[*declInfo]bool{}
				}
				uses[d][u] = true
				if users[u] == nil {
					users[u] = map[*declInfo]bool{}
				}
				users[u][d] = true
				return true
			})
		}
	}
	for grown := true; grown; {
		grown = false
		for _, d := range all {
			if opens[d] || !p.isHandleMethod(d) {
				continue
			}
			for u := range uses[d] {
				if opens[u] && p.isHandleMethod(u) && !isExported(last(u.keys[0])) {
					opens[d], grown = true, true
				}
			}
		}
	}
	pinned := map[*declInfo]bool{}
	for _, d := range all {
		if !opens[d] || !p.isHandleMethod(d) || !isExported(last(d.keys[0])) || strings.HasSuffix(fileOf[d].name, "_test.go") {
			continue
		}
		pinned[d] = true
		// A file that ended in _test would be one of tests.
		d.destFile = path.Dir(d.destFile) + "/" + strings.TrimSuffix(snake(last(d.keys[0])), "_test") + ".go"
	}
	// What stood beside a command and is used by it alone goes along; methods with their type.
	for grown := true; grown; {
		grown = false
		for _, d := range all {
			if pinned[d] || len(d.keys) == 0 || strings.HasSuffix(fileOf[d].name, "_test.go") || p.m.decls[d.keys[0]] != "" {
				continue
			}
			group := map[*declInfo]bool{d: true}
			if _, isType := p.typeOf(d); isType {
				for _, m := range all {
					if t, ok := splitMember(m.keys0()); ok && t == d.keys[0] {
						group[m] = true
					}
				}
			} else if t, ok := splitMember(d.keys[0]); ok && t != p.m.handle {
				continue // with its type
			}
			to := ""
			for m := range group {
				for u := range users[m] {
					if group[u] {
						continue
					}
					switch {
					case to == "":
						to = u.destFile
					case to != u.destFile:
						to = "-"
					}
				}
			}
			if to == "" || to == "-" || to == d.destFile || path.Dir(to) != path.Dir(d.destFile) || !p.commandFile(to, pinned) {
				continue
			}
			if !sameOrigin(fileOf, group, to, all) {
				continue
			}
			for m := range group {
				m.destFile = to
			}
			grown = true
		}
	}
}

// sameOrigin tells whether the file gets something that stood beside the group.
func sameOrigin(fileOf map[*declInfo]*file, group map[*declInfo]bool, to string, all []*declInfo) bool {
	for _, d := range all {
		if d.destFile != to || group[d] {
			continue
		}
		for g := range group {
			if fileOf[g] == fileOf[d] {
				return true
			}
		}
	}
	return false
}

func (p *program) commandFile(to string, pinned map[*declInfo]bool) bool {
	for d := range pinned {
		if d.destFile == to {
			return true
		}
	}
	return false
}

func (d *declInfo) keys0() string {
	if len(d.keys) == 0 {
		return ""
	}
	return d.keys[0]
}

func (p *program) typeOf(d *declInfo) (*ast.TypeSpec, bool) {
	g, ok := d.node.(*ast.GenDecl)
	if !ok || len(g.Specs) == 0 {
		return nil, false
	}
	t, ok := g.Specs[0].(*ast.TypeSpec)
	return t, ok
}

func (p *program) isHandleMethod(d *declInfo) bool {
	t, ok := splitMember(d.keys0())
	return ok && t == p.m.handle
}

func snake(name string) string {
	var b strings.Builder
	rs := []rune(name)
	for i, r := range rs {
		if unicode.IsUpper(r) && i > 0 && (unicode.IsLower(rs[i-1]) || i+1 < len(rs) && unicode.IsLower(rs[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
