// SPDX-License-Identifier: Apache-2.0

// Outside verifies what weir writes with code that is not weir's: Go's own
// sumdb packages for notes, trees, tiles and proofs.
//
//	outside DIRECTORY LOGKEY [-since CHECKPOINT] [RECEIPT ...]
//
// It prints one line of JSON and ends with 1 when anything does not hold.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type checkpoint struct {
	origin string
	tree   tlog.Tree
}

func openCheckpoint(text []byte, verifier note.Verifier) (checkpoint, error) {
	var c checkpoint
	n, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return c, err
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		return c, errors.New("not this log's checkpoint")
	}
	c.origin = lines[0]
	if c.tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return c, err
	}
	c.tree.Hash, err = tlog.ParseHash(lines[2])
	return c, err
}

// tiles reads C2SP's tile paths for Go's tiles, which name their height.
type tiles struct {
	directory string
	saved     int
}

func (t *tiles) Height() int { return 8 }

func (t *tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range wanted {
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		data, err := os.ReadFile(filepath.Join(t.directory, path))
		if os.IsNotExist(err) && tile.W < 256 {
			path = path[:strings.Index(path, ".p/")]
			data, err = os.ReadFile(filepath.Join(t.directory, path))
			if err == nil {
				data = data[:tile.W*tlog.HashSize]
			}
		}
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func (t *tiles) SaveTiles(saved []tlog.Tile, data [][]byte) { t.saved += len(saved) }

func entries(directory string, size int64) ([][]byte, error) {
	var all [][]byte
	for n := int64(0); n*256 < size; n++ {
		width := size - n*256
		if width > 256 {
			width = 256
		}
		tile := tlog.Tile{H: 8, L: 0, N: n, W: 256}
		path := strings.Replace(tile.Path(), "tile/8/0/", "tile/entries/", 1)
		data, err := os.ReadFile(filepath.Join(directory, path))
		if err != nil && width < 256 {
			data, err = os.ReadFile(filepath.Join(directory,
				fmt.Sprintf("%s.p/%d", path, width)))
		}
		if err != nil {
			return nil, err
		}
		for i := int64(0); i < width; i++ {
			if len(data) < 2 {
				return nil, errors.New("a short bundle")
			}
			size := int(data[0])<<8 | int(data[1])
			if len(data) < 2+size {
				return nil, errors.New("a short entry")
			}
			all = append(all, data[2:2+size])
			data = data[2+size:]
		}
	}
	return all, nil
}

// checkLog follows every leaf of the files to the signed root.
func checkLog(directory string, c checkpoint) (tlog.HashReader, error) {
	reader := tlog.TileHashReader(c.tree, &tiles{directory: directory})
	leaves, err := entries(directory, c.tree.N)
	if err != nil {
		return nil, err
	}
	for i, leaf := range leaves {
		proof, err := tlog.ProveRecord(c.tree.N, int64(i), reader)
		if err != nil {
			return nil, err
		}
		err = tlog.CheckRecord(proof, c.tree.N, c.tree.Hash, int64(i),
			tlog.RecordHash(leaf))
		if err != nil {
			return nil, fmt.Errorf("leaf %d: %v", i, err)
		}
	}
	return reader, nil
}

func checkSince(old, now checkpoint, reader tlog.HashReader) error {
	proof, err := tlog.ProveTree(now.tree.N, old.tree.N, reader)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, now.tree.N, now.tree.Hash, old.tree.N,
		old.tree.Hash)
}

// checkReceipt reads a tlog-proof as its specification says, and weir's extra
// data as docs/formats/tlog.md says.
func checkReceipt(path string, verifier note.Verifier) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, rest, found := bytes.Cut(text, []byte("\n\n"))
	if !found {
		return errors.New("not a tlog-proof")
	}
	lines := strings.Split(string(head), "\n")
	if len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" ||
		!strings.HasPrefix(lines[1], "extra ") ||
		!strings.HasPrefix(lines[2], "index ") {
		return errors.New("not a tlog-proof with extra data")
	}
	raw, err := base64.StdEncoding.DecodeString(lines[1][6:])
	if err != nil {
		return err
	}
	var extra struct {
		Record []byte `json:"record"`
		Salt   []byte `json:"salt"`
	}
	if err := json.Unmarshal(raw, &extra); err != nil {
		return err
	}
	index, err := strconv.ParseInt(lines[2][6:], 10, 64)
	if err != nil {
		return err
	}
	var proof tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return err
		}
		proof = append(proof, hash)
	}
	c, err := openCheckpoint(rest, verifier)
	if err != nil {
		return err
	}
	data := sha256.Sum256(append(append([]byte{}, extra.Salt...),
		extra.Record...))
	return tlog.CheckRecord(proof, c.tree.N, c.tree.Hash, index,
		tlog.RecordHash(data[:]))
}

func run(args []string) (map[string]interface{}, error) {
	if len(args) < 2 {
		return nil, errors.New("DIRECTORY LOGKEY [-since FILE] [RECEIPT ...]")
	}
	verifier, err := note.NewVerifier(args[1])
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(args[0], "checkpoint"))
	if err != nil {
		return nil, err
	}
	now, err := openCheckpoint(text, verifier)
	if err != nil {
		return nil, err
	}
	reader, err := checkLog(args[0], now)
	if err != nil {
		return nil, err
	}
	told := map[string]interface{}{"size": now.tree.N}
	rest := args[2:]
	if len(rest) >= 2 && rest[0] == "-since" {
		text, err := os.ReadFile(rest[1])
		if err != nil {
			return nil, err
		}
		old, err := openCheckpoint(text, verifier)
		if err != nil {
			return nil, err
		}
		if err := checkSince(old, now, reader); err != nil {
			return nil, fmt.Errorf("since: %v", err)
		}
		told["since"] = old.tree.N
		rest = rest[2:]
	}
	for _, path := range rest {
		if err := checkReceipt(path, verifier); err != nil {
			return nil, fmt.Errorf("%s: %v", path, err)
		}
	}
	told["receipts"] = len(rest)
	return told, nil
}

func main() {
	told, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "outside:", err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(told)
}
