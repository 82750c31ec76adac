package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const serverName = "lastgasp-test-api"

// pki is a CA of our own, the server's certificate and those of the clients,
// written into a directory as NAME.crt and NAME.key.
type pki struct {
	dir     string
	ca      *x509.Certificate
	caKey   *ecdsa.PrivateKey
	roots   *x509.CertPool
	mu      sync.Mutex
	server  *tls.Certificate
	clients map[string]*big.Int // user -> serial of the only good certificate
	serial  int64
}

func newPKI(dir string, clients []string) (*pki, error) {
	p := &pki{dir: dir, roots: x509.NewCertPool(), clients: map[string]*big.Int{}}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := p.template("lastgasp-test-ca")
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	if p.ca, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	p.caKey = key
	p.roots.AddCert(p.ca)
	if err := writePEM(filepath.Join(dir, "ca.crt"), "CERTIFICATE", der, 0o644); err != nil {
		return nil, err
	}
	if err := p.rotateServer(); err != nil {
		return nil, err
	}
	return p, p.rotateClients(clients)
}

func (p *pki) template(name string) *x509.Certificate {
	p.serial++
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().Unix()<<16 + p.serial),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(30 * 24 * time.Hour),
	}
}

// rotateServer makes a new server certificate for the connections to come.
func (p *pki) rotateServer() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	template := p.template(serverName)
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	template.DNSNames = []string{"localhost", serverName}
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	cert, err := p.issue("server", template)
	if err == nil {
		p.server = cert
	}
	return err
}

// rotateClients makes new client certificates; those before are refused.
func (p *pki) rotateClients(users []string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, user := range users {
		template := p.template(user)
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		if _, err := p.issue(user, template); err != nil {
			return err
		}
		p.clients[user] = template.SerialNumber
	}
	return nil
}

func (p *pki) withdrawn(cert *x509.Certificate) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	good := p.clients[cert.Subject.CommonName]
	return good == nil || good.Cmp(cert.SerialNumber) != 0
}

func (p *pki) issue(name string, template *x509.Certificate) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, p.ca, key.Public(), p.caKey)
	if err != nil {
		return nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(p.dir, name)
	if err := writePEM(path+".key", "PRIVATE KEY", secret, 0o600); err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		writePEM(path+".crt", "CERTIFICATE", der, 0o644)
}

// config takes any client certificate; who it is, the authenticator says, so
// that a bad one is answered 401 as by a real server.
func (p *pki) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		ClientAuth: tls.RequestClientCert,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.server, nil
		},
	}
}

func writePEM(path, kind string, der []byte, mode os.FileMode) error {
	return writeFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}

// writeFile replaces the file at once, so that a reader sees old or new.
func writeFile(path string, text []byte, mode os.FileMode) error {
	if err := os.WriteFile(path+".new", text, mode); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
