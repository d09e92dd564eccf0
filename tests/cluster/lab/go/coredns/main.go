// CoreDNS with the few plugins that a cluster needs, which compile in a fraction of the time of all of them.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"

	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/loadbalance"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/template"
)

// A query meets the plugins in this order: template, which denies every other name, comes after kubernetes.
func main() {
	dnsserver.Directives = []string{"ready", "errors", "loadbalance", "cache", "kubernetes", "template"}
	coremain.Run()
}
