module lastgasp.invalid/bench

go 1.26
