package page

import "testing"

// What a reader may not send is taken out of a page, and the sentences that it stood in stay whole.
func TestSentencesStayWholeForReaders(t *testing.T) {
	below := []string{"/org"}
	for page, want := range map[string]string{
		`<p>Boots from an image. <a href="/org/images/new">Upload <b>one</b></a> and come back.</p>`: `<p>Boots from an image. Upload <b>one</b> and come back.</p>`,
		`<p>See <a href="/org/images">images</a>.</p>`:                                               `<p>See <a href="/org/images">images</a>.</p>`,
		`<p>See <a href="/provider/pools/new">pools</a>.</p>`:                                        `<p>See <a href="/provider/pools/new">pools</a>.</p>`,
		`<div><a class="button button-primary" href="/org/images/new?x=1">Upload</a></div>`:          `<div></div>`,
		`<p>Now <form class="form-inline" method="post" action="/org/x"><button>Go</button></form>.`: `<p>Now .`,
		`<form class="form" method="post" action="/org/x"><a href="/org/y/edit">y</a></form>`:        insteadOfForm,
	} {
		if got := string(forReading([]byte(page), below)); got != want {
			t.Errorf("%s\nis %s\nwant %s", page, got, want)
		}
		if got := string(forReading([]byte(page), nil)); got != page {
			t.Errorf("who may send reads %s", got)
		}
	}
}
