// split rewrites a checkout of Volary so that declarations move between packages: it takes a mapping (floors.map) and
// the folder of a checkout, moves files and single declarations, gives names that cross packages a capital, qualifies
// references, changes what callers write, and lays files of its own (files/) and patches of text (texts/) over it.
//
//	go run . [-n] CHECKOUT
package main

import (
	"bufio"
	"flag"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/tools/go/ast/astutil"
	"golang.org/x/tools/go/packages"
)

const module = "volary.dev/"

var problems []string

var rootPrefix string

func problem(format string, args ...any) {
	p := fmt.Sprintf(format, args...)
	if !slices.Contains(problems, strings.TrimPrefix(p, rootPrefix)) {
		problems = append(problems, strings.TrimPrefix(p, rootPrefix))
	}
}

// mapping is floors.map.
type mapping struct {
	commands []string            // folders whose commands get a file of their own name each
	strict   []string            // folders of which every file needs a line
	files    map[string]string   // old path -> new path ("" : dropped)
	decls    map[string]string   // folder#Name -> new path ("-": dropped)
	names    map[string]string   // folder#Name or folder#Type.name -> new name
	outside  map[string]string   // folder#Name -> folder#Name, for uses outside the floors
	floors   map[string]string   // folder -> field of the set of handles
	core     string              // folder of the core
	handle   string              // folder#Type of the handle
	via      map[string]string   // "folder folder" -> field of the handle by which a floor reaches another
	explode  map[string]bool     // folder#Type.field of the handle's type, which becomes one field for each floor used
	replaced map[string]string   // folder#Name -> file with its new text
	docs     map[string]string // comment of what has none
	may      map[string][]string // folder -> the floors that it may use
	aliases  map[string]string   // folder -> package name, where it is not the last element
	prefixes map[string]string   // folder#name -> name for package qualifier
}

func readMapping(file string) *mapping {
	m := &mapping{
		files: map[string]string{}, decls: map[string]string{}, names: map[string]string{}, outside: map[string]string{},
		floors: map[string]string{}, via: map[string]string{}, explode: map[string]bool{}, aliases: map[string]string{},
		docs: map[string]string{}, replaced: map[string]string{}, may: map[string][]string{},
	}
	f, err := os.Open(file)
	must(err)
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		line := s.Text()
		if rest, ok := strings.CutPrefix(line, "doc "); ok {
			key, text, _ := strings.Cut(rest, " ")
			m.docs[key] = text
			continue
		}
		line, _, _ = strings.Cut(line, "//")
		w := strings.Fields(line)
		if len(w) == 0 {
			continue
		}
		switch w[0] {
		case "strict":
			m.strict = append(m.strict, w[1])
		case "into": // into store/people a.go b.go: files of the same folder's parent, whose tests go along
			for _, name := range w[3:] {
				m.files[w[1]+"/"+name+".go"] = w[2] + "/" + name + ".go"
			}
		case "file":
			m.files[w[1]] = w[2]
		case "decl":
			for _, d := range w[1 : len(w)-1] {
				m.decls[d] = w[len(w)-1]
			}
		case "name":
			m.names[w[1]] = w[2]
		case "outside":
			m.outside[w[1]] = w[2]
		case "floor":
			m.floors[w[1]] = w[2]
		case "core":
			m.core = w[1]
			m.floors[w[1]] = w[2]
		case "handle":
			m.handle = w[1]
		case "via":
			m.via[w[1]+" "+w[2]] = w[3]
		case "commands":
			m.commands = append(m.commands, w[1])
		case "replace":
			m.replaced[w[1]] = w[2]
		case "may":
			m.may[w[1]] = w[2:]
		case "explode":
			m.explode[w[1]] = true
		default:
			problem("floors.map: %s", line)
		}
	}
	return m
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "split:", err)
		os.Exit(1)
	}
}

type edit struct {
	start, end int
	text       string
}

type declInfo struct {
	keys       []string
	node       ast.Decl
	start, end int // offsets, with doc comment
	destFile   string
	destPkg    string // folder, with _test for an external test package
}

type file struct {
	name   string // relative path
	ast    *ast.File
	pkg    *packages.Package
	src    []byte
	edits  []edit
	decls  []*declInfo
	dest   string
	pkgDir string // folder, with _test
	moved  bool   // of a package whose declarations may move
}

type program struct {
	m        *mapping
	root     string
	patterns []string
	dir      string // of the mapping
	fset     *token.FileSet
	files    map[string]*file
	decls    map[string]*declInfo // by key
	rename   map[string]string    // key -> new name
	fields   map[*types.Package]map[*types.Var]string
	out      map[string]*outFile
	used     map[string]map[string]bool // exploded field -> floors
	expLit   []func()
	handsTo  map[string][]string // exploded field -> those that get its value
}

type outFile struct {
	pkgName string
	base    string
	more    []string
	needs   map[string]string // import path -> explicit name
	blank   []string
}

func main() {
	only := flag.String("only", "./...", "the packages to look at, for trying")
	dry := flag.Bool("n", false, "only say what is in the way")
	mapFile := flag.String("map", "floors.map", "the mapping")
	flag.Parse()
	root, err := filepath.Abs(flag.Arg(0))
	must(err)
	rootPrefix = root + "/"
	p := &program{
		m: readMapping(*mapFile), root: root, files: map[string]*file{}, decls: map[string]*declInfo{}, rename: map[string]string{},
		fields: map[*types.Package]map[*types.Var]string{}, out: map[string]*outFile{}, used: map[string]map[string]bool{}, handsTo: map[string][]string{},
	}
	p.patterns = strings.Fields(*only)
	p.dir, _ = filepath.Abs(filepath.Dir(*mapFile))
	p.load()
	p.place()
	stop()
	p.commands()
	p.nameAll()
	p.edit()
	stop()
	if *dry {
		return
	}
	p.write()
	for from, to := range p.m.files {
		if !strings.HasSuffix(from, ".go") {
			must(os.MkdirAll(filepath.Dir(filepath.Join(p.root, to)), 0o755))
			if err := os.Rename(filepath.Join(p.root, from), filepath.Join(p.root, to)); err != nil {
				problem("%v", err)
			}
		}
	}
	p.lay(filepath.Join(filepath.Dir(*mapFile), "files"))
	p.texts(filepath.Join(filepath.Dir(*mapFile), "texts"))
	if out, err := exec.Command(filepath.Join(p.dir, "gofumpt"), "-w", "-modpath", "volary.dev", "-lang", "go1.26", filepath.Join(p.root, "store"),
		filepath.Join(p.root, "billing"), filepath.Join(p.root, "handlers"), filepath.Join(p.root, "cmd"), filepath.Join(p.root, "provisioner")).CombinedOutput(); err != nil {
		problem("gofumpt: %v: %s", err, out)
	}
	stop()
}

func stop() {
	if len(problems) == 0 {
		return
	}
	sort.Strings(problems)
	fmt.Fprintln(os.Stderr, strings.Join(problems, "\n"))
	fmt.Fprintf(os.Stderr, "split: %d things are in the way\n", len(problems))
	os.Exit(1)
}

func (p *program) load() {
	p.fset = token.NewFileSet()
	cfg := &packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports | packages.NeedTypes |
			packages.NeedSyntax | packages.NeedTypesInfo | packages.NeedTypesSizes | packages.NeedForTest,
		Dir: p.root, Fset: p.fset, Tests: true, BuildFlags: []string{"-tags=libvirt"},
	}
	pkgs, err := packages.Load(cfg, p.patterns...)
	must(err)
	for _, pkg := range pkgs {
		for _, e := range pkg.Errors {
			problem("%s: %s", pkg.ID, e)
		}
	}
	stop()
	for _, pkg := range pkgs {
		if pkg.Types == nil {
			continue
		}
		for _, f := range pkg.Syntax {
			abs := p.fset.Position(f.Pos()).Filename
			rel, err := filepath.Rel(p.root, abs)
			if err != nil || strings.HasPrefix(rel, "..") {
				continue
			}
			if p.files[rel] != nil {
				continue
			}
			src, err := os.ReadFile(abs)
			must(err)
			p.files[rel] = &file{name: rel, ast: f, pkg: pkg, src: src, pkgDir: strings.TrimPrefix(pkg.Types.Path(), module)}
		}
	}
}

func (p *program) offset(pos token.Pos) int { return p.fset.Position(pos).Offset }

// place says of every declaration where it goes.
func (p *program) place() {
	types := map[string]*declInfo{}
	var methods []*declInfo
	for _, name := range p.fileNames() {
		f := p.files[name]
		dir := path.Dir(name)
		dest, ok := p.m.files[name]
		f.moved = slices.Contains(p.m.strict, dir) || ok
		if !ok && strings.HasSuffix(name, "_test.go") {
			if d, has := p.m.files[strings.TrimSuffix(name, "_test.go")+".go"]; has {
				dest, ok, f.moved = strings.TrimSuffix(d, ".go")+"_test.go", true, true
			}
		}
		if !ok {
			if slices.Contains(p.m.strict, dir) {
				problem("%s has no line in floors.map: say to which floor it goes", name)
			}
			dest = name
		}
		f.dest = dest
		suffix := ""
		if strings.HasSuffix(f.pkgDir, "_test") {
			suffix = "_test"
		}
		for _, d := range f.ast.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.IMPORT {
				continue
			}
			i := &declInfo{node: d, destFile: dest}
			i.keys = p.declKeys(f, d)
			i.start, i.end = p.offset(d.Pos()), p.offset(d.End())
			if doc := docOf(d); doc != nil {
				i.start = p.offset(doc.Pos())
			}
			for _, k := range i.keys {
				if to, has := p.m.decls[k]; has {
					i.destFile = to
					f.moved = true
				}
			}
			i.destPkg = path.Dir(i.destFile) + suffix
			if suffix != "" && !strings.HasSuffix(i.destFile, "_test.go") {
				i.destPkg = path.Dir(i.destFile) // a fixture that leaves the tests
			}
			f.decls = append(f.decls, i)
			for _, k := range i.keys {
				p.decls[k] = i
				types[k] = i
			}
			if fd, ok := d.(*ast.FuncDecl); ok && fd.Recv != nil {
				methods = append(methods, i)
			}
		}
	}
	// Methods go with their type, those of the handle with their file.
	for _, i := range methods {
		k := i.keys[0]
		t, _, _ := strings.Cut(k, ".")
		if t == p.m.handle || types[t] == nil {
			continue
		}
		if _, own := p.m.decls[k]; own {
			continue
		}
		if i.destPkg != types[t].destPkg && strings.TrimSuffix(i.destPkg, "_test") != types[t].destPkg || path.Dir(i.destFile) != path.Dir(types[t].destFile) {
			i.destFile, i.destPkg = types[t].destFile, types[t].destPkg
		}
	}
	for k := range p.m.decls {
		if p.decls[k] == nil {
			fmt.Fprintf(os.Stderr, "note: floors.map names %s, which is not there\n", k)
		}
	}
}

func (p *program) fileNames() []string {
	var names []string
	for n := range p.files {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

func docOf(d ast.Decl) *ast.CommentGroup {
	switch d := d.(type) {
	case *ast.FuncDecl:
		return d.Doc
	case *ast.GenDecl:
		return d.Doc
	}
	return nil
}

func (p *program) declKeys(f *file, d ast.Decl) (keys []string) {
	add := func(id *ast.Ident) {
		if id.Name == "_" || id.Name == "init" {
			return
		}
		if o := f.pkg.TypesInfo.Defs[id]; o != nil {
			if k := p.key(o); k != "" {
				keys = append(keys, k)
			}
		}
	}
	switch d := d.(type) {
	case *ast.FuncDecl:
		add(d.Name)
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				add(s.Name)
			case *ast.ValueSpec:
				for _, n := range s.Names {
					add(n)
				}
			}
		}
	}
	return keys
}

// key names a package-level object, method or field: folder#Name, folder#Type.name. "" for what is not ours, or local.
func (p *program) key(o types.Object) string {
	if o == nil || o.Pkg() == nil || !strings.HasPrefix(o.Pkg().Path(), module) {
		return ""
	}
	dir := strings.TrimPrefix(o.Pkg().Path(), module)
	switch o := o.(type) {
	case *types.PkgName:
		return ""
	case *types.Func:
		o = o.Origin()
		if r := o.Type().(*types.Signature).Recv(); r != nil {
			n := named(r.Type())
			if n == nil {
				return ""
			}
			return dir + "#" + n.Obj().Name() + "." + o.Name()
		}
	case *types.Var:
		if o.IsField() {
			return p.fieldKey(o.Origin())
		}
	}
	if o.Parent() == o.Pkg().Scope() {
		return dir + "#" + o.Name()
	}
	return ""
}

func named(t types.Type) *types.Named {
	if pt, ok := t.(*types.Pointer); ok {
		t = pt.Elem()
	}
	n, _ := types.Unalias(t).(*types.Named)
	return n
}

func (p *program) fieldKey(v *types.Var) string {
	index := p.fields[v.Pkg()]
	if index == nil {
		index = map[*types.Var]string{}
		dir := strings.TrimPrefix(v.Pkg().Path(), module)
		for _, name := range v.Pkg().Scope().Names() {
			if t, ok := v.Pkg().Scope().Lookup(name).(*types.TypeName); ok {
				if s, ok := t.Type().Underlying().(*types.Struct); ok {
					for i := range s.NumFields() {
						if _, has := index[s.Field(i)]; !has {
							index[s.Field(i)] = dir + "#" + name + "." + s.Field(i).Name()
						}
					}
				}
			}
		}
		p.fields[v.Pkg()] = index
	}
	return index[v]
}

// enclosing finds the declaration around a position.
func (f *file) enclosing(offset int) *declInfo {
	for _, d := range f.decls {
		if d.start <= offset && offset < d.end {
			return d
		}
	}
	return nil
}

func (p *program) isFloor(pkg string) bool { _, ok := p.m.floors[pkg]; return ok }

// home is the package where an object will be.
func (p *program) home(key string) string {
	if i := p.declOf(key); i != nil {
		return i.destPkg
	}
	dir, _, _ := strings.Cut(key, "#")
	return dir
}

// declOf finds the declaration of an object, for a field that of its type.
func (p *program) declOf(key string) *declInfo {
	if i := p.decls[key]; i != nil {
		return i
	}
	t, _, isMember := strings.Cut(key, ".")
	if at := strings.LastIndex(key, "."); isMember && at > strings.Index(key, "#") {
		t = key[:at]
		return p.decls[t]
	}
	return nil
}

// importable is a package without the mark of an external test.
func isExported(name string) bool {
	r, _ := utf8.DecodeRuneInString(name)
	return unicode.IsUpper(r)
}

func last(key string) string {
	_, n, _ := strings.Cut(key, "#")
	if at := strings.LastIndex(n, "."); at >= 0 {
		n = n[at+1:]
	}
	return n
}

// nameAll finds out which names have to get a capital because another package uses them.
func (p *program) nameAll() {
	for k, n := range p.m.names {
		p.rename[k] = n
	}
	for _, name := range p.fileNames() {
		f := p.files[name]
		ast.Inspect(f.ast, func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			if !ok {
				return true
			}
			o := f.pkg.TypesInfo.Uses[id]
			if o == nil {
				if d := f.pkg.TypesInfo.Defs[id]; d != nil {
					if v, ok := d.(*types.Var); ok && v.Embedded() {
						o = d
					}
				}
				if o == nil {
					return true
				}
			}
			k := p.key(o)
			if k == "" || isExported(last(k)) || p.rename[k] != "" {
				return true
			}
			use := p.pkgAt(f, id.Pos())
			home := p.home(k)
			if use == home || p.decls[k] == nil && p.declOf(k) == nil {
				return true
			}
			if v, ok := o.(*types.Var); ok && v.IsField() && v.Embedded() {
				return true
			}
			if strings.HasPrefix(k, p.m.handle+".") && p.decls[k] == nil {
				return true // the handle's own fields, which every floor has for itself
			}
			if strings.HasSuffix(home, "_test") {
				problem("fixture %s of %s is used in %s: move it to a package of fixtures", k, home, use)
				return true
			}
			name := last(k)
			p.rename[k] = strings.ToUpper(name[:1]) + name[1:]
			return true
		})
	}
	for k, n := range p.rename {
		dir, rest, _ := strings.Cut(k, "#")
		other := dir + "#" + n
		if t, _, ok := strings.Cut(rest, "."); ok {
			other = dir + "#" + t + "." + n
		}
		if other != k && (p.decls[other] != nil && p.rename[other] == "" && p.home(other) == p.home(k)) {
			problem("%s would become %s, which is there already: give it another name in floors.map", k, n)
		}
		if p.isField(other) && other != k {
			problem("%s would become %s, which is a field: give it another name in floors.map", k, n)
		}
	}
}

func (p *program) isField(key string) bool {
	dir, rest, _ := strings.Cut(key, "#")
	t, name, ok := strings.Cut(rest, ".")
	if !ok {
		return false
	}
	for _, f := range p.files {
		if f.pkgDir != dir {
			continue
		}
		o := f.pkg.Types.Scope().Lookup(t)
		if o == nil {
			return false
		}
		s, ok := o.Type().Underlying().(*types.Struct)
		if !ok {
			return false
		}
		for i := range s.NumFields() {
			if s.Field(i).Name() == name {
				return true
			}
		}
		return false
	}
	return false
}

func (p *program) pkgAt(f *file, pos token.Pos) string {
	if d := f.enclosing(p.offset(pos)); d != nil {
		return d.destPkg
	}
	return f.pkgDir
}

func (p *program) newName(key string) string {
	if n := p.rename[key]; n != "" {
		return n
	}
	return last(key)
}

func (f *file) replace(start, end int, text string) {
	for _, e := range f.edits {
		if e.start == start && e.end == end {
			if e.text != text {
				problem("%s@%d: two edits: %q, %q", f.name, start, e.text, text)
			}
			return
		}
	}
	f.edits = append(f.edits, edit{start, end, text})
}

func (p *program) need(dest, importPath, name string) {
	o := p.outFile(dest)
	o.needs[importPath] = name
}

func (p *program) outFile(dest string) *outFile {
	o := p.out[dest]
	if o == nil {
		o = &outFile{needs: map[string]string{}}
		p.out[dest] = o
	}
	return o
}

func (p *program) edit() {
	for _, name := range p.fileNames() {
		f := p.files[name]
		p.editFile(f)
	}
	for _, name := range p.fileNames() {
		p.explodeTypes(p.files[name])
	}
	for _, later := range p.expLit {
		later()
	}
}

// at is one place where something is used.
type at struct {
	f    *file
	pos  token.Pos
	pkg  string
	dest string
}

func (p *program) at(f *file, pos token.Pos) at {
	if d := f.enclosing(p.offset(pos)); d != nil {
		return at{f, pos, d.destPkg, d.destFile}
	}
	return at{f, pos, f.pkgDir, f.dest}
}

func pkgName(dir string) string { return path.Base(dir) }

// qualify gives the qualifier of a package at a place, and has it imported there.
func (p *program) qualify(a at, pkg string) string {
	if p.isFloor(a.pkg) && p.isFloor(pkg) && !slices.Contains(p.m.may[a.pkg], pkg) {
		problem("%s: %s uses %s", p.fset.Position(a.pos), a.pkg, pkg)
	}
	q := pkgName(pkg)
	// A package that the file imports by another name keeps it.
	for _, i := range a.f.ast.Imports {
		if strings.Trim(i.Path.Value, `"`) == module+pkg && i.Name != nil {
			q = i.Name.Name
		}
	}
	scope := a.f.pkg.Types.Scope().Innermost(a.pos)
	if scope != nil {
		if _, o := scope.LookupParent(q, a.pos); o != nil {
			_, isPkg := o.(*types.PkgName)
			k := p.key(o)
			gone := k != "" && p.home(k) != a.pkg
			if !isPkg && !gone {
				problem("%s: %s is a name of its own here, which hides the package", p.fset.Position(a.pos), q)
			} else if pn, ok := o.(*types.PkgName); ok && pn.Imported().Path() != module+pkg && !p.movedAway(pn.Imported().Path()) {
				problem("%s: %s is package %s here", p.fset.Position(a.pos), q, pn.Imported().Path())
			}
		}
	}
	name := ""
	if q != pkgName(pkg) {
		name = q
	}
	p.need(a.dest, module+pkg, name)
	return q
}

func (p *program) movedAway(importPath string) bool { return false }

func (p *program) editFile(f *file) {
	info := f.pkg.TypesInfo
	handled := map[*ast.Ident]bool{}
	var stack []ast.Node
	ast.Inspect(f.ast, func(n ast.Node) bool {
		if n == nil {
			stack = stack[:len(stack)-1]
			return true
		}
		stack = append(stack, n)
		switch n := n.(type) {
		case *ast.SelectorExpr:
			p.editSelector(f, n, handled)
		case *ast.Ident:
			if d := f.enclosing(p.offset(n.Pos())); d != nil && p.m.replaced[d.keys0()] != "" {
				return true
			}
			if handled[n] {
				return true
			}
			o := info.Uses[n]
			if o == nil {
				o = info.Defs[n]
			}
			if o == nil {
				return true
			}
			p.editIdent(f, n, o, stack)
		}
		return true
	})
	p.editComments(f)
	for _, d := range f.decls {
		if text := p.m.docs[d.keys0()]; text != "" && docOf(d.node) == nil {
			f.replace(d.start, d.start, "// "+text+"\n")
		}
		if with := p.m.replaced[d.keys0()]; with != "" {
			b, err := os.ReadFile(filepath.Join(p.dir, with))
			must(err)
			f.edits = slices.DeleteFunc(f.edits, func(e edit) bool { return e.start >= d.start && e.end <= d.end })
			f.replace(d.start, d.end, strings.TrimSpace(string(b)))
		}
	}
}

// editSelector handles pkg.Name and x.member.
func (p *program) editSelector(f *file, n *ast.SelectorExpr, handled map[*ast.Ident]bool) {
	info := f.pkg.TypesInfo
	if x, ok := n.X.(*ast.Ident); ok {
		if pn, ok := info.Uses[x].(*types.PkgName); ok {
			handled[x], handled[n.Sel] = true, true
			a := p.at(f, n.Pos())
			o := info.Uses[n.Sel]
			k := p.key(o)
			if k == "" || p.decls[k] == nil {
				name := ""
				if pn.Name() != pkgNameOf(pn.Imported()) || explicit(f.ast, pn.Imported().Path()) {
					name = pn.Name()
				}
				p.need(a.dest, pn.Imported().Path(), name)
				return
			}
			target, name := p.target(k, a.pkg)
			if target == a.pkg {
				f.replace(p.offset(n.Pos()), p.offset(n.End()), name)
				return
			}
			q := p.qualify(a, target)
			if target == strings.TrimPrefix(pn.Imported().Path(), module) {
				q = pn.Name()
			}
			f.replace(p.offset(x.Pos()), p.offset(x.End()), q)
			if name != n.Sel.Name {
				f.replace(p.offset(n.Sel.Pos()), p.offset(n.Sel.End()), name)
			}
			return
		}
	}
	sel := info.Selections[n]
	if sel == nil {
		return
	}
	k := p.key(sel.Obj())
	if k == "" {
		return
	}
	handled[n.Sel] = true
	name := p.newName(k)
	if v, ok := sel.Obj().(*types.Var); ok && v.Embedded() {
		name = p.embeddedName(f, n, v)
	}
	if !strings.HasPrefix(k, p.m.handle+".") || sel.Kind() == types.FieldVal {
		if p.m.explode[k] {
			// Handled where what it is asked for is known, below; alone it is in the way.
			if !p.explodedUse(f, n) {
				problem("%s: %s is handed on as a whole; it is to become single handles", p.fset.Position(n.Pos()), k)
			}
			return
		}
		if name != n.Sel.Name {
			f.replace(p.offset(n.Sel.Pos()), p.offset(n.Sel.End()), name)
		}
		return
	}
	a := p.at(f, n.Pos())
	owner := p.home(k)
	if p.isFloor(a.pkg) {
		switch via := p.m.via[a.pkg+" "+owner]; {
		case owner == a.pkg:
		case via != "":
			name = via + "." + name
		default:
			problem("%s: %s calls %s of %s", p.fset.Position(n.Pos()), a.pkg, k, owner)
		}
		if name != n.Sel.Name {
			f.replace(p.offset(n.Sel.Pos()), p.offset(n.Sel.End()), name)
		}
		return
	}
	field := p.m.floors[owner]
	if field == "" {
		problem("%s: %s is a method of %s, which is no floor", p.fset.Position(n.Pos()), k, owner)
	}
	if x, ok := n.X.(*ast.SelectorExpr); ok {
		if s := info.Selections[x]; s != nil && p.m.explode[p.key(s.Obj())] {
			fk := p.key(s.Obj())
			if p.used[fk] == nil {
				p.used[fk] = map[string]bool{}
			}
			p.used[fk][owner] = true
			f.replace(p.offset(x.Sel.Pos()), p.offset(x.Sel.End()), caseLike(x.Sel.Name, field))
			if name != n.Sel.Name {
				f.replace(p.offset(n.Sel.Pos()), p.offset(n.Sel.End()), name)
			}
			return
		}
	}
	f.replace(p.offset(n.Sel.Pos()), p.offset(n.Sel.End()), field+"."+name)
}

func caseLike(like, name string) string {
	if isExported(like) {
		return name
	}
	return strings.ToLower(name[:1]) + name[1:]
}

// explodedUse tells whether a selection of an exploded field is the beginning of a call of the handle's method.
func (p *program) explodedUse(f *file, x *ast.SelectorExpr) bool {
	path, _ := astutil.PathEnclosingInterval(f.ast, x.Pos(), x.End())
	for i, n := range path {
		if n == ast.Node(x) && i+1 < len(path) {
			if outer, ok := path[i+1].(*ast.SelectorExpr); ok && outer.X == ast.Expr(x) {
				s := f.pkg.TypesInfo.Selections[outer]
				return s != nil && strings.HasPrefix(p.key(s.Obj()), p.m.handle+".")
			}
			if kv, ok := path[i+1].(*ast.KeyValueExpr); ok && kv.Value == ast.Expr(x) {
				if id, ok := kv.Key.(*ast.Ident); ok {
					if to := p.key(f.pkg.TypesInfo.Uses[id]); p.m.explode[to] {
						from := p.key(f.pkg.TypesInfo.Selections[x].Obj())
						p.handsTo[from] = append(p.handsTo[from], to)
						return true
					}
				}
			}
		}
	}
	return false
}

func explicit(f *ast.File, importPath string) bool {
	for _, i := range f.Imports {
		if strings.Trim(i.Path.Value, `"`) == importPath {
			return i.Name != nil
		}
	}
	return false
}

func pkgNameOf(p *types.Package) string { return p.Name() }

// target is where a package-level object is found from a package, and its name there.
func (p *program) target(key, from string) (pkg, name string) {
	if to, ok := p.m.outside[key]; ok && !p.isFloor(from) {
		dir, n, _ := strings.Cut(to, "#")
		return dir, n
	}
	return p.home(key), p.newName(key)
}

func (p *program) embeddedName(f *file, n ast.Node, v *types.Var) string {
	t := named(v.Type())
	if t == nil {
		return v.Name()
	}
	k := p.key(t.Obj())
	if k == "" {
		return v.Name()
	}
	dir := strings.TrimPrefix(v.Pkg().Path(), module)
	if !p.isFloor(dir) || strings.HasSuffix(dir, "_test") {
		if to, ok := p.m.outside[k]; ok {
			return last(to)
		}
	}
	return p.newName(k)
}

func (p *program) editIdent(f *file, id *ast.Ident, o types.Object, stack []ast.Node) {
	if pn, ok := o.(*types.PkgName); ok {
		_ = pn
		return
	}
	k := p.key(o)
	if v, ok := o.(*types.Var); ok && v.Embedded() {
		// The type's name is what is written; as a key of a literal it is the field.
		if u, isType := f.pkg.TypesInfo.Uses[id].(*types.TypeName); isType {
			o, k = u, p.key(u)
		} else if _, isDef := f.pkg.TypesInfo.Defs[id].(*types.Var); isDef {
			if t := named(v.Type()); t != nil {
				o, k = t.Obj(), p.key(t.Obj())
			}
		} else {
			name := p.embeddedName(f, id, v)
			if name != id.Name {
				f.replace(p.offset(id.Pos()), p.offset(id.End()), name)
			}
			return
		}
	}
	if k == "" {
		return
	}
	a := p.at(f, id.Pos())
	isDef := f.pkg.TypesInfo.Defs[id] != nil && f.pkg.TypesInfo.Uses[id] == nil
	if v, ok := f.pkg.TypesInfo.Defs[id].(*types.Var); ok && v.Embedded() {
		isDef = false
	}
	if p.m.explode[k] {
		if !isDef {
			p.explodeLiteral(f, id, k, stack)
		}
		return
	}
	_, isMember := splitMember(k)
	if isDef || isMember || p.declOf(k) == nil {
		if name := p.newName(k); name != id.Name && (p.declOf(k) != nil) {
			f.replace(p.offset(id.Pos()), p.offset(id.End()), name)
		}
		return
	}
	if k == p.m.handle && p.isFloor(a.pkg) {
		return // each floor has a handle of this name
	}
	target, name := p.target(k, a.pkg)
	if target == a.pkg {
		if name != id.Name {
			f.replace(p.offset(id.Pos()), p.offset(id.End()), name)
		}
		return
	}
	if strings.HasSuffix(target, "_test") {
		_ = name
		return
	}
	if strings.TrimSuffix(a.pkg, "_test") == target && !strings.HasSuffix(a.pkg, "_test") {
		return
	}
	f.replace(p.offset(id.Pos()), p.offset(id.End()), p.qualify(a, target)+"."+name)
}

func splitMember(key string) (string, bool) {
	at := strings.LastIndex(key, ".")
	if at > strings.Index(key, "#") {
		return key[:at], true
	}
	return key, false
}

// explodeLiteral makes one key of a literal for each handle that is used.
func (p *program) explodeLiteral(f *file, id *ast.Ident, key string, stack []ast.Node) {
	var kv *ast.KeyValueExpr
	for i := len(stack) - 1; i >= 0; i-- {
		if x, ok := stack[i].(*ast.KeyValueExpr); ok && x.Key == ast.Expr(id) {
			kv = x
			break
		}
	}
	if kv == nil {
		problem("%s: %s is used in a way that cannot be taken apart", p.fset.Position(id.Pos()), key)
		return
	}
	p.expLit = append(p.expLit, func() {
		start, end := p.offset(kv.Value.Pos()), p.offset(kv.Value.End())
		value := p.render(f, start, end)
		inner := false
		if x, ok := kv.Value.(*ast.SelectorExpr); ok {
			if sel := f.pkg.TypesInfo.Selections[x]; sel != nil && p.m.explode[p.key(sel.Obj())] {
				value, inner = p.render(f, p.offset(x.X.Pos()), p.offset(x.X.End())), true
			}
		}
		var parts []string
		for _, pkg := range p.floorsUsed(key) {
			field := p.m.floors[pkg]
			if inner {
				field = caseLike(kv.Value.(*ast.SelectorExpr).Sel.Name, field)
			}
			parts = append(parts, caseLike(id.Name, p.m.floors[pkg])+": "+value+"."+field)
		}
		f.edits = slices.DeleteFunc(f.edits, func(e edit) bool { return e.start >= start && e.end <= end })
		f.replace(p.offset(kv.Pos()), p.offset(kv.End()), strings.Join(parts, ", "))
	})
}

func (p *program) floorsUsed(key string) []string {
	var list []string
	for pkg := range p.used[key] {
		list = append(list, pkg)
	}
	for _, to := range p.handsTo[key] {
		for _, pkg := range p.floorsUsed(to) {
			if !slices.Contains(list, pkg) {
				list = append(list, pkg)
			}
		}
	}
	order := []string{"store", "store/people", "store/books", "store/models", "store/machines", "store/overview"}
	slices.SortFunc(list, func(a, b string) int { return slices.Index(order, a) - slices.Index(order, b) })
	return list
}

// explodeTypes replaces the field of a struct by one for each handle.
func (p *program) explodeTypes(f *file) {
	ast.Inspect(f.ast, func(n ast.Node) bool {
		s, ok := n.(*ast.StructType)
		if !ok {
			return true
		}
		for _, fl := range s.Fields.List {
			for _, id := range fl.Names {
				k := p.key(f.pkg.TypesInfo.Defs[id])
				if !p.m.explode[k] {
					continue
				}
				a := p.at(f, id.Pos())
				var lines []string
				for _, pkg := range p.floorsUsed(k) {
					lines = append(lines, caseLike(id.Name, p.m.floors[pkg])+" *"+p.qualify(a, pkg)+".DB")
				}
				start, end := p.offset(fl.Pos()), p.offset(fl.End())
				f.edits = slices.DeleteFunc(f.edits, func(e edit) bool { return e.start >= start && e.end <= end })
				f.replace(start, end, strings.Join(lines, "\n\t"))
			}
		}
		return true
	})
}

// editComments writes new names where a comment speaks of a declaration: first in its own, elsewhere if the name cannot
// be an ordinary word.
func (p *program) editComments(f *file) {
	own := map[*ast.CommentGroup]string{}
	for _, d := range f.decls {
		if len(d.keys) > 0 {
			if doc := docOf(d.node); doc != nil {
				own[doc] = d.keys[0]
			}
		}
		if g, ok := d.node.(*ast.GenDecl); ok {
			for _, s := range g.Specs {
				if t, ok := s.(*ast.TypeSpec); ok {
					if st, ok := t.Type.(*ast.StructType); ok {
						_ = st
					}
				}
			}
		}
	}
	inStore := strings.HasPrefix(f.pkgDir, p.m.core)
	for _, g := range f.ast.Comments {
		start, end := p.offset(g.Pos()), p.offset(g.End())
		text := string(f.src[start:end])
		next := text
		if k := own[g]; k != "" && p.rename[k] != "" {
			if rest, ok := strings.CutPrefix(next, "// "+last(k)+" "); ok {
				next = "// " + p.rename[k] + " " + rest
			}
		}
		if inStore {
			for k, n := range p.rename {
				if w := last(k); camel(w) && !isExported(w) && strings.HasPrefix(k, p.m.core+"#") {
					next = regexp.MustCompile(`\b`+w+`\b`).ReplaceAllString(next, n)
				}
			}
		}
		next = p.mentions(next)
		if next != text {
			f.replace(start, end, next)
		}
	}
}

func camel(w string) bool {
	for i, r := range w {
		if i > 0 && unicode.IsUpper(r) {
			return true
		}
	}
	return false
}

var mention = regexp.MustCompile(`\b(store|provisioner)\.([A-Z]\w+)`)
var filePath = regexp.MustCompile(`\b(store|provisioner)/(\w+)\.go\b`)

// mentions rewrites store.LaunchCluster and store/launch_cluster.go in prose.
func (p *program) mentions(text string) string {
	text = mention.ReplaceAllStringFunc(text, func(s string) string {
		dir, name, _ := strings.Cut(s, ".")
		if to, ok := p.m.outside[dir+"#"+name]; ok {
			d, n, _ := strings.Cut(to, "#")
			return pkgName(d) + "." + n
		}
		for _, k := range []string{dir + "#" + name, p.m.handle + "." + name} {
			if i := p.decls[k]; i != nil && !strings.HasSuffix(i.destPkg, "_test") && strings.HasPrefix(k, dir+"#") {
				return pkgName(i.destPkg) + "." + p.newName(k)
			}
		}
		return s
	})
	return filePath.ReplaceAllStringFunc(text, func(s string) string {
		if to := p.m.files[s]; to != "" {
			return to
		}
		return s
	})
}

// render is a part of a file with its edits.
func (p *program) render(f *file, start, end int) string {
	var in []edit
	for _, e := range f.edits {
		if e.start >= start && e.end <= end {
			in = append(in, e)
		}
	}
	slices.SortFunc(in, func(a, b edit) int {
		if a.start != b.start {
			return a.start - b.start
		}
		return a.end - b.end
	})
	var b strings.Builder
	at := start
	for _, e := range in {
		if e.start < at {
			problem("%s@%d: edits overlap: %q", f.name, e.start, e.text)
			continue
		}
		b.Write(f.src[at:e.start])
		b.WriteString(e.text)
		at = e.end
	}
	b.Write(f.src[at:end])
	return b.String()
}

func (p *program) write() {
	gone := map[string]bool{}
	touched := map[string]bool{}
	for _, name := range p.fileNames() {
		f := p.files[name]
		stays := 0
		for _, d := range f.decls {
			if d.destFile == f.dest && f.dest != "-" {
				stays++
			}
		}
		leaves := len(f.decls) - stays
		if len(f.edits) == 0 && leaves == 0 && f.dest == name {
			continue
		}
		if f.dest != name || stays == 0 && leaves > 0 {
			gone[name] = true
		}
		if stays > 0 || (len(f.decls) == 0 && f.dest != "-") {
			o := p.outFile(f.dest)
			if o.base != "" {
				problem("two files become %s", f.dest)
			}
			o.base = p.baseOf(f)
			touched[f.dest] = true
		}
		for _, d := range f.decls {
			if d.destFile == f.dest || d.destFile == "-" {
				continue
			}
			o := p.outFile(d.destFile)
			o.more = append(o.more, p.render(f, d.start, d.end))
			o.pkgName = d.destPkg
			touched[d.destFile] = true
		}
	}
	for name := range gone {
		must(os.Remove(filepath.Join(p.root, name)))
	}
	var dests []string
	for d := range touched {
		dests = append(dests, d)
	}
	sort.Strings(dests)
	for _, dest := range dests {
		o := p.out[dest]
		if o.base == "" {
			if f := p.files[dest]; f != nil && !gone[dest] {
				o.base = string(f.src)
				for _, i := range f.ast.Imports {
					name := ""
					if i.Name != nil {
						name = i.Name.Name
					}
					p.need(dest, strings.Trim(i.Path.Value, `"`), name)
				}
			} else {
				o.base = "package " + pkgName(o.pkgName) + "\n"
			}
		}
		text := strings.TrimRight(o.base, "\n") + "\n"
		for _, m := range o.more {
			text += "\n" + m + "\n"
		}
		out := filepath.Join(p.root, dest)
		must(os.MkdirAll(filepath.Dir(out), 0o755))
		b, err := fixImports(dest, text, o.needs)
		if err != nil {
			problem("%s: %v", dest, err)
			b = []byte(text)
		}
		must(os.WriteFile(out, b, 0o644))
	}
}

// baseOf is the file without the declarations that leave it.
func (p *program) baseOf(f *file) string {
	var b strings.Builder
	at := 0
	pkg := path.Dir(f.dest)
	if path.Dir(f.dest) != path.Dir(f.name) {
		name := pkgName(pkg)
		if strings.HasSuffix(f.ast.Name.Name, "_test") {
			name += "_test"
		}
		if f.ast.Name.Name != "main" {
			f.replace(p.offset(f.ast.Name.Pos()), p.offset(f.ast.Name.End()), name)
		}
	}
	for _, d := range f.decls {
		if d.destFile == f.dest {
			continue
		}
		b.WriteString(p.render(f, at, d.start))
		at = d.end
		if at < len(f.src) && f.src[at] == '\n' {
			at++
		}
	}
	b.WriteString(p.render(f, at, len(f.src)))
	return b.String()
}

// fixImports makes the imports of a file what it needs.
func fixImports(name, text string, needs map[string]string) ([]byte, error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, text, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	for _, i := range slices.Clone(f.Imports) {
		importPath := strings.Trim(i.Path.Value, `"`)
		explicitName := ""
		if i.Name != nil {
			explicitName = i.Name.Name
		}
		if explicitName == "_" || explicitName == "." {
			continue
		}
		if _, ok := needs[importPath]; !ok || !usesName(f, importPath, explicitName) {
			astutil.DeleteNamedImport(fset, f, explicitName, importPath)
		}
	}
	var paths []string
	for importPath := range needs {
		paths = append(paths, importPath)
	}
	sort.Strings(paths)
	for _, importPath := range paths {
		if strings.HasPrefix(importPath, module) && needs[importPath] == "" && !usesName(f, importPath, path.Base(importPath)) {
			continue
		}
		if !slices.ContainsFunc(f.Imports, func(i *ast.ImportSpec) bool { return strings.Trim(i.Path.Value, `"`) == importPath }) {
			if strings.TrimSuffix(strings.TrimPrefix(importPath, module), "_test") == path.Dir(name) && !strings.HasSuffix(f.Name.Name, "_test") {
				continue
			}
			astutil.AddNamedImport(fset, f, needs[importPath], importPath)
		}
	}
	var b strings.Builder
	if err := format.Node(&b, fset, f); err != nil {
		return nil, err
	}
	return format.Source([]byte(b.String()))
}

func usesName(f *ast.File, importPath, name string) bool {
	if name != "" {
		used := false
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok && x.Name == name {
					used = true
				}
			}
			return !used
		})
		return used
	}
	if strings.HasPrefix(importPath, module) {
		return usesName(f, importPath, path.Base(importPath))
	}
	return true
}

// lay copies the program's own files over the checkout.
func (p *program) lay(dir string) {
	_ = filepath.WalkDir(dir, func(from string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(dir, from)
		rel = strings.TrimSuffix(rel, ".txt")
		b, err := os.ReadFile(from)
		must(err)
		to := filepath.Join(p.root, rel)
		must(os.MkdirAll(filepath.Dir(to), 0o755))
		must(os.WriteFile(to, b, 0o644))
		return nil
	})
}
