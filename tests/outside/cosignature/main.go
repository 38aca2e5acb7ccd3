// SPDX-License-Identifier: Apache-2.0

// Cosignature verifies a checkpoint with the keys of its log and of its
// witnesses, by the code of another witness project.
//
//	cosignature CHECKPOINT LOGKEY WITNESSKEY ...
//
// It prints how many witnesses signed, and ends with 1 when one of the keys
// given did not.
package main

import (
	"fmt"
	"os"

	f_log "github.com/transparency-dev/formats/log"
	f_note "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

func run(args []string) error {
	text, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	log, err := note.NewVerifier(args[1])
	if err != nil {
		return err
	}
	var witnesses []note.Verifier
	for _, key := range args[2:] {
		witness, err := f_note.NewVerifierForCosignatureV1(key)
		if err != nil {
			return err
		}
		witnesses = append(witnesses, witness)
	}
	checkpoint, _, opened, err := f_log.ParseCheckpoint(text, log.Name(), log,
		witnesses...)
	if err != nil {
		return err
	}
	for _, signature := range opened.Sigs[1:] {
		when, err := f_note.CoSigV1Timestamp(signature)
		if err != nil {
			return err
		}
		fmt.Println(signature.Name, when.Unix())
	}
	if len(opened.Sigs) != 1+len(witnesses) {
		return fmt.Errorf("%d of %d witnesses cosigned %d leaves",
			len(opened.Sigs)-1, len(witnesses), checkpoint.Size)
	}
	return nil
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "CHECKPOINT LOGKEY WITNESSKEY ...")
		os.Exit(2)
	}
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "cosignature:", err)
		os.Exit(1)
	}
}
