// Command shots photographs the portal that `go run ./cmd/dev up` serves: every page that each of the demo's people can
// reach by links, at two widths, light and dark. `go run ./cmd/dev shots` runs it; it is a program of its own so that
// other commands need not wait for the browser's protocol to compile.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"volary.dev/cmd/internal/demo"
	"volary.dev/cmd/internal/session"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: shots ADDRESS FOLDER")
		os.Exit(2)
	}
	if err := run(ctx, os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "shots:", err)
		os.Exit(1)
	}
}

// viewers are those of the demo's people who see different pages.
func viewers() []demo.Person {
	var list []demo.Person
	for _, p := range demo.People() {
		switch p.Email {
		case "ada@tidal.example", "nora@north.example":
			list = append(list, p)
		}
	}
	return list
}

func run(ctx context.Context, address, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	files, err := os.MkdirTemp("", "volary-shots-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(files) // after Chromium has ended
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.UserDataDir(filepath.Join(files, "profile")), chromedp.Env("TMPDIR="+files, "XDG_CONFIG_HOME="+files, "XDG_CACHE_HOME="+files))
	ctx, cancel := chromedp.NewExecAllocator(ctx, options...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	if err := photograph(ctx, address, dir, []string{"/sign-in"}); err != nil {
		return err
	}
	for _, p := range viewers() {
		cookies, err := session.SignIn(ctx, address, p.Email, demo.Password)
		if err != nil {
			return err
		}
		pages, err := crawl(ctx, address, cookies)
		if err != nil {
			return err
		}
		if err := chromedp.Do(ctx, setCookies(address, cookies)); err != nil {
			return err
		}
		if err := photograph(ctx, address, dir, pages); err != nil {
			return err
		}
	}
	return nil
}

func setCookies(address string, cookies []*http.Cookie) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		for _, c := range cookies {
			_, err := cdp.Call(ctx, t, network.SetCookie, network.SetCookieParams{Name: c.Name, Value: c.Value, URL: address})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// photograph takes four pictures of each page.
func photograph(ctx context.Context, address, dir string, paths []string) error {
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{1280, 390} {
			if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 844), prefer(scheme)); err != nil {
				return err
			}
			for _, path := range paths {
				if err := chromedp.Do(ctx, chromedp.Navigate(address+path)); err != nil {
					return fmt.Errorf("%s: %w", path, err)
				}
				picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
				if err != nil {
					return fmt.Errorf("%s: %w", path, err)
				}
				name := fmt.Sprintf("%s.%d.%s.png", pageName(path), width, scheme)
				if err := os.WriteFile(filepath.Join(dir, name), picture, 0o644); err != nil {
					return err
				}
			}
		}
	}
	fmt.Printf("%d pages, four pictures each, in %s\n", len(paths), dir)
	return nil
}

func prefer(scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	})
}
