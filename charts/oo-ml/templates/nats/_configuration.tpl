{{- define "oo.natsConfiguration" -}}
server_name: $POD_NAME
pid_file: /run/nats/nats.pid
http: 0.0.0.0:8222
{{ .Files.Get "files/nats.conf" | trim }}
lame_duck_grace_period: 2s
lame_duck_duration: 30s
jetstream {
  store_dir: /data
  {{- if eq .Values.nats.durability "strict" }}
  sync_interval: always
  {{- end }}
}
{{- if gt (int .Values.nats.replicas) 1 }}
cluster {
  name: oo-nats
  listen: 0.0.0.0:6222
  routes: [
    {{- range $number := until (int .Values.nats.replicas) }}
    nats://oo-nats-{{ $number }}.oo-nats-peers.{{ $.Release.Namespace }}:6222
    {{- end }}
  ]
}
{{- end }}
{{- end -}}
