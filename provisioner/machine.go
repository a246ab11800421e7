package provisioner

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// Machine is how a machine is known again, under whatever name or address.
type Machine struct {
	UUID uuid.UUID // its libvirt's; vendors have given the same to several machines
	Key  uuid.UUID // drawn on the machine and kept by its own hook; Nil: an older hook, or none
}

// Is tells whether the machine that was seen may be this one: what both know of themselves is the same.
func (m Machine) Is(seen Machine) bool {
	return (m.UUID == uuid.Nil || seen.UUID == uuid.Nil || m.UUID == seen.UUID) &&
		(m.Key == uuid.Nil || seen.Key == uuid.Nil || m.Key == seen.Key)
}

// HookState is what a host's own hook did when it was asked who the host is.
type HookState string

// The states of a hook that is asked.
const (
	HookAnswers HookState = "answers"
	HookNone    HookState = "none"   // there is nothing by which it could be asked, and nothing is made for it
	HookSilent  HookState = "silent" // it was asked and wrote nothing
	HookOlder   HookState = "older"  // it does not know the question
)

// Enrolment is who a machine says it is, to one that may make nothing on it yet.
type Enrolment struct {
	Machine Machine
	Hook    HookState
	Code    string // CodeHash of the code that was written there last; empty: none was
}

// CodeHash is what a machine keeps and reports of a code.
func CodeHash(code string) string {
	sum := sha256.Sum256([]byte("volary enrolment " + strings.ToUpper(strings.TrimSpace(code))))
	return hex.EncodeToString(sum[:])
}

// FormCode is the code of the host that a form of adding one is about, so that its line can be pasted before the form is sent. It
// follows from whose form it is, for which provider, and the form's id: of no other does the same code come.
func FormCode(person, provider, form uuid.UUID) string {
	sum := sha256.Sum256(slices.Concat([]byte("volary host form "), person[:], provider[:], form[:]))
	return base32.StdEncoding.EncodeToString(sum[:])[:26] // 130 bits, as many as crypto/rand.Text has
}

// HookProgram is where a host keeps the program that its hook is.
const HookProgram = "/usr/local/lib/volary/volary"

// EnrolLine is the one line that root pastes on a host's machine so that its hook reports the host's code. A simulated host has
// a file of that in the folder where the worker's simulated hosts remember: a line that is to be pasted as it stands needs that,
// and where it is not known ("") the line has the variable in which the worker is told.
func EnrolLine(a HostAddress, code, folder string) string {
	if a.Scheme != SchemeMemory {
		return HookProgram + " hook enrol " + code
	}
	if folder == "" {
		return "echo " + code + ` > "$VOLARY_MEMORY_STATE_DIR"/` + SimulatedCodeFile(a)
	}
	return "echo " + code + " > " + shellWord(folder+"/"+SimulatedCodeFile(a))
}

// shellWord quotes a path for a shell where it has to be.
func shellWord(path string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+", r)
	}
	if strings.IndexFunc(path, func(r rune) bool { return !plain(r) }) < 0 {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// SimulatedCodeFile is the name of the file in which a simulated host finds its code.
func SimulatedCodeFile(a HostAddress) string { return a.Name + "-" + strconv.Itoa(a.Port) + ".code" }

// SimulatedMachine is the machine behind an address of SchemeMemory.
func SimulatedMachine(a HostAddress) Machine {
	name := "memory://" + a.Name + ":" + strconv.Itoa(a.Port)
	return Machine{UUID: uuid.NewSHA1(uuid.NameSpaceURL, []byte(name)), Key: uuid.NewSHA1(uuid.NameSpaceURL, []byte(name+"/key"))}
}

// ErrAnotherMachine says that what answers at a host's address is not the machine that was enrolled. It is an
// ErrHostUnreachable as well: the host itself was not reached.
var ErrAnotherMachine error = anotherMachine{}

type anotherMachine struct{}

func (anotherMachine) Error() string { return "another machine answers at its address" }

func (anotherMachine) Is(target error) bool { return errors.Is(ErrHostUnreachable, target) }
