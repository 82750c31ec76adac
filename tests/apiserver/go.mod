module lastgasp.invalid/apiserver

go 1.26
