package static

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
)

//go:embed dist
var dist embed.FS

// Prefix is where Handler has to be mounted.
const Prefix = "/static/"

type file struct {
	contentType   string
	plain, zipped []byte
}

// Handler serves the built files under Prefix. Their names hold their hashes, so browsers are told to keep them
// for ever; a name that is not there any more is a 404. Text is sent compressed to those who take it.
func Handler() (http.Handler, error) {
	files, err := built()
	if err != nil {
		return nil, fmt.Errorf("static files: %w", err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := files[strings.TrimPrefix(r.URL.Path, Prefix)]
		if !ok {
			http.NotFound(w, r)
			return
		}
		serve(w, r, f)
	}), nil
}

func serve(w http.ResponseWriter, r *http.Request, f file) {
	header := w.Header()
	header.Set("Content-Type", f.contentType)
	header.Set("Cache-Control", "public, max-age=31536000, immutable")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Vary", "Accept-Encoding")
	body := f.plain
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		header.Set("Content-Encoding", "gzip")
		body = f.zipped
	}
	header.Set("Content-Length", fmt.Sprint(len(body)))
	if r.Method == http.MethodHead {
		return
	}
	// A browser that went away is no error of ours.
	_, _ = w.Write(body)
}

// built are the files, which never change while a program runs.
var built = sync.OnceValues(load)

func load() (map[string]file, error) {
	files := map[string]file{}
	list, err := fs.ReadDir(dist, "dist")
	if err != nil {
		return nil, err
	}
	for _, d := range list {
		plain, err := fs.ReadFile(dist, "dist/"+d.Name())
		if err != nil {
			return nil, err
		}
		var zipped bytes.Buffer
		z := gzip.NewWriter(&zipped)
		if _, err := z.Write(plain); err != nil {
			return nil, err
		}
		if err := z.Close(); err != nil {
			return nil, err
		}
		files[d.Name()] = file{contentType(d.Name()), plain, zipped.Bytes()}
	}
	return files, nil
}

// contentType does not ask the machine's mime table for what we know: it may lack or misname them.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".txt":
		return "text/plain; charset=utf-8"
	default:
		return mime.TypeByExtension(path.Ext(name))
	}
}
