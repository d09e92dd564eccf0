# Versions, paths and small helpers of the test cluster. People source it too: `. tests/cluster/lab/env.sh`.
# shellcheck shell=bash disable=SC2034
lab=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$lab/../../.." && pwd)

# All state is here, outside the checkout.
: "${OO_CLUSTER_DIR:=${XDG_CACHE_HOME:-$HOME/.cache}/oo-ml-cluster}"
: "${KUBERNETES:=v1.34.4}"      # the last minor whose kubelet takes cgroup v1 by default
: "${KSERVE:=v0.20.0}"
: "${ENVOY_GATEWAY:=v1.9.1}"    # brings the Gateway API's definitions
: "${COREDNS:=v1.15.0}"
: "${KUBECONFORM:=v0.8.0}"
export OO_CLUSTER_DIR

bin=$OO_CLUSTER_DIR/bin src=$OO_CLUSTER_DIR/src images=$OO_CLUSTER_DIR/images archives=$OO_CLUSTER_DIR/archives
run=$OO_CLUSTER_DIR/run logs=$OO_CLUSTER_DIR/logs pki=$OO_CLUSTER_DIR/pki volumes=$OO_CLUSTER_DIR/volumes

# Addresses of the range for benchmarks (RFC 2544), so that nobody else's are met.
node=lab node_ip=198.18.255.1 pods=198.18.0.0/17 services=198.19.0.0/16 api_ip=198.19.0.1 dns_ip=198.19.0.10
cri=$run/containerd.sock

export KUBECONFIG=$OO_CLUSTER_DIR/kubeconfig
export PATH=$bin:$root/.venv/bin:$PATH

ctrk() { ctr --address "$cri" --namespace k8s.io "$@"; }
say() { printf '%s  %s\n' "$(date +%H:%M:%S)" "$*"; }
die() { printf 'cluster: %s\n' "$*" >&2; exit 1; }
# The folder of a Go module's files.
module() { (cd / && GOFLAGS='' go mod download -json "$1@$2") | sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p'; }
# within SECONDS COMMAND…: until the command succeeds
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || { printf 'cluster: timed out: %s\n' "$*" >&2; return 1; }
        sleep 0.3
    done
}
kind_there() { [ "${OO_CLUSTER:-}" != native ] && command -v kind >/dev/null && docker info >/dev/null 2>&1; }
