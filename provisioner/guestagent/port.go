package guestagent

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"volary.dev/provisioner"
)

// The bounds of one question: what libvirt has for them, too.
const (
	patience   = 5 * time.Second
	mostAnswer = 4 << 20
)

// mark begins an answer that is not an earlier question's: no text in UTF-8 has the byte.
const mark = 0xff

// Port is the host's end of an agent's port.
type Port struct {
	conn     net.Conn
	read     *bufio.Reader
	turn     chan struct{}
	patience time.Duration // of one question
}

// NewPort takes the end over. Whoever closes conn ends what is asked over it.
func NewPort(conn net.Conn) *Port {
	return &Port{conn: conn, read: bufio.NewReaderSize(conn, 4<<10), turn: make(chan struct{}, 1), patience: patience}
}

// Ask is a Line. Questions wait for their turn; what an agent still answers to one that was given up is passed over.
func (p *Port) Ask(ctx context.Context, question string, there bool) (answer string, err error) {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	until := time.Now().Add(p.patience)
	if mine, ok := ctx.Deadline(); ok && mine.Before(until) {
		until = mine
	}
	if err := p.conn.SetDeadline(until); err != nil {
		return "", fmt.Errorf("%w: %w", provisioner.ErrNoAgent, err)
	}
	// An ended call does not wait for the guest.
	defer context.AfterFunc(ctx, func() { _ = p.conn.SetDeadline(time.Unix(1, 0)) })()
	line, err := p.exchange(question)
	switch {
	case err == nil:
		return refused(line)
	case ctx.Err() != nil:
		return "", ctx.Err()
	case there:
		return "", fmt.Errorf("%w: it left, or did not answer within %s", provisioner.ErrGuestNonsense, p.patience)
	}
	return "", fmt.Errorf("%w within %s", provisioner.ErrNoAgent, p.patience)
}

// exchange brings the agent to where it answers us and nobody before us, and asks.
func (p *Port) exchange(question string) (line []byte, err error) {
	var number [8]byte
	_, _ = rand.Read(number[:]) // never fails
	id := int64(binary.BigEndian.Uint64(number[:]) >> 12)
	if _, err := fmt.Fprintf(p.conn, "\xff{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":%d}}\n", id); err != nil {
		return nil, err
	}
	for {
		if err := p.skipToMark(); err != nil {
			return nil, err
		}
		var synced struct{ Return *int64 }
		line, err := p.line()
		if err != nil {
			return nil, err
		}
		if json.Unmarshal(line, &synced) == nil && synced.Return != nil && *synced.Return == id {
			break
		}
	}
	if _, err := io.WriteString(p.conn, question+"\n"); err != nil {
		return nil, err
	}
	return p.line()
}

func (p *Port) skipToMark() error {
	for {
		b, err := p.read.ReadByte()
		if err != nil || b == mark {
			return err
		}
	}
}

// line reads an answer. One that has too much in it is none.
func (p *Port) line() (line []byte, err error) {
	for {
		part, err := p.read.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > mostAnswer:
			return nil, fmt.Errorf("an answer of more than %d bytes", mostAnswer)
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil:
			return nil, err
		}
		return line, nil
	}
}

// refused tells an answer from a refusal.
func refused(line []byte) (string, error) {
	var no struct {
		Error *struct{ Desc string }
	}
	if json.Unmarshal(line, &no) == nil && no.Error != nil {
		return "", fmt.Errorf("%w: %s", provisioner.ErrGuestRefused, Words(no.Error.Desc))
	}
	return string(line), nil
}
