package main

import (
	"crypto/rand"
	"fmt"
	"path/filepath"
	"strings"
)

// roles are the users that are there from the start.
var roles = []string{"admin", "correlator", "actuator"}

const kubeconfigForm = `apiVersion: v1
kind: Config
current-context: %[1]s
clusters:
- name: test
  cluster:
    server: %[2]s
%[3]susers:
- name: %[1]s
  user:
    token: %[4]s
contexts:
- name: %[1]s
  context:
    cluster: test
    user: %[1]s
`

// writeTokens makes a token a role: the token file and ROLE.token.
func writeTokens(dir string) (map[string]string, error) {
	tokens := map[string]string{}
	var lines strings.Builder
	for _, role := range roles {
		tokens[role] = rand.Text()
		fmt.Fprintf(&lines, "%s,%s\n", tokens[role], role)
		if err := writeFile(filepath.Join(dir, role+".token"), []byte(tokens[role]+"\n"), 0o600); err != nil {
			return nil, err
		}
	}
	return tokens, writeFile(filepath.Join(dir, "tokens"), []byte(lines.String()), 0o600)
}

// writeKubeconfigs makes ROLE.kubeconfig for each role.
func writeKubeconfigs(dir, url string, tokens map[string]string) error {
	authority := ""
	if strings.HasPrefix(url, "https:") {
		authority = fmt.Sprintf("    certificate-authority: %s\n", filepath.Join(dir, "ca.crt"))
	}
	for _, role := range roles {
		text := fmt.Sprintf(kubeconfigForm, role, url, authority, tokens[role])
		if err := writeFile(filepath.Join(dir, role+".kubeconfig"), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}
