{{/* All helpers but the first take (dict "root" $ "component" "…"). */}}

{{- define "oo.version" -}}
{{- default .Chart.AppVersion .Values.image.tag -}}
{{- end -}}

{{- define "oo.selector" -}}
app.kubernetes.io/part-of: oo-ml
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "oo.labels" -}}
{{ include "oo.selector" . }}
app.kubernetes.io/version: {{ include "oo.version" .root | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end -}}

{{- define "oo.meta" -}}
namespace: {{ .root.Release.Namespace }}
labels: {{- include "oo.labels" . | nindent 2 }}
{{- end -}}

{{/* What stands before an image's name, with its slash: the registry of all charts of a release, else what is given. */}}
{{- define "oo.registry" -}}
{{- with .root.Values.global.imageRegistry }}{{ trimSuffix "/" . }}/{{ else }}{{ .default }}{{ end -}}
{{- end -}}

{{/* One of our images, by the workspace member it is made from. */}}
{{- define "oo.image" -}}
{{- $registry := include "oo.registry" (dict "root" .root "default" .root.Values.image.registry) -}}
{{- printf "%soo-ml/%s:%s" $registry .component (include "oo.version" .root) -}}
{{- end -}}

{{/* Another one, by its name. */}}
{{- define "oo.foreignImage" -}}
{{- include "oo.registry" (dict "root" .root "default" "") }}{{ .image }}
{{- end -}}

{{- define "oo.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ default 65532 .user }}
runAsGroup: {{ default 65532 .user }}
fsGroup: {{ default 65532 .user }}
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "oo.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* What is said for each pod of ours that is not made by KServe. */}}
{{- define "oo.pod" -}}
serviceAccountName: oo-{{ default .component .account }}
automountServiceAccountToken: false
{{- include "oo.pullSecrets" .root }}
securityContext: {{- include "oo.podSecurity" . | nindent 2 }}
{{- end -}}

{{/* Takes $. */}}
{{- define "oo.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end -}}

{{/* A replica prefers a node without one. KServe labels its pods by `app`. */}}
{{- define "oo.spread" -}}
{{- if .root.Values.topologySpread }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- .labels | nindent 8 }}
{{- end }}
{{- end -}}

{{/* Told to stop, a pod first waits until nobody is sent to it any more. */}}
{{- define "oo.drain" -}}
lifecycle: {preStop: {sleep: {seconds: 5}}}
{{- end -}}

{{/* An environment variable with NATS's URL. */}}
{{- define "oo.natsEnv" -}}
{{- $nats := .root.Values.nats -}}
- name: {{ .name }}
{{- if $nats.urlSecretName }}
  valueFrom: {secretKeyRef: {name: {{ $nats.urlSecretName }}, key: {{ $nats.urlSecretKey }}}}
{{- else }}
  value: {{ default (printf "nats://oo-nats.%s:4222" .root.Release.Namespace) $nats.url | quote }}
{{- end }}
{{- end -}}

{{/* An environment variable with the effect store's URL. */}}
{{- define "oo.storeEnv" -}}
{{- $postgres := .root.Values.postgres -}}
{{- if $postgres.urlSecretName }}
- name: {{ .name }}
  valueFrom: {secretKeyRef: {name: {{ $postgres.urlSecretName }}, key: {{ $postgres.effectsKey }}}}
{{- else }}
{{- include "oo.passwordEnv" .root }}
- name: {{ .name }}
  value: postgresql+psycopg://oo:$(POSTGRES_PASSWORD)@oo-postgres.{{ .root.Release.Namespace }}:5432/effects
{{- end }}
{{- end -}}

{{- define "oo.passwordEnv" }}
- name: POSTGRES_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ .Values.secrets.name }}, key: postgres-password}}
{{- end -}}

{{- define "oo.mlflowUrl" -}}
{{- if and .Values.mlflow.secretName (not .Values.mlflow.url) }}
{{- fail "mlflow.secretName: the built-in MLflow has no credentials; name yours by mlflow.url" }}
{{- end }}
{{- default (printf "http://oo-mlflow.%s:5000" .Release.Namespace) .Values.mlflow.url -}}
{{- end -}}

{{/* What KServe calls the Deployment of a predictor of tip-ranker, and what we call its Service. */}}
{{- define "oo.predictorDeployment" -}}
{{- if . }}tip-ranker-{{ . }}-predictor{{ else }}tip-ranker-predictor{{ end -}}
{{- end -}}

{{- define "oo.predictorService" -}}
{{- if . }}tip-ranker-serving-{{ . }}{{ else }}tip-ranker-serving{{ end -}}
{{- end -}}

{{- define "oo.autoscaling" -}}
{{- if ne .root.Values.autoscaling.class "none" }}
maxReplicas: {{ max .most .least }}
scaleMetric: cpu
scaleTarget: {{ .root.Values.autoscaling.cpuPercent }}
{{- end }}
{{- end -}}

{{/* Envoys of one of our two Gateways, as a NetworkPolicy peer. */}}
{{- define "oo.envoyPeer" -}}
namespaceSelector:
  matchLabels: {kubernetes.io/metadata.name: {{ .root.Values.gateway.systemNamespace }}}
podSelector:
  matchLabels:
    gateway.envoyproxy.io/owning-gateway-name: oo-{{ .gateway }}
    gateway.envoyproxy.io/owning-gateway-namespace: {{ .root.Release.Namespace }}
{{- end -}}

{{/*
The claims of a StatefulSet, for a volume `data`. An API server fills in what a list's item lacks, and who compares it
with what was applied, as Argo CD does, would find a difference for ever: so items of lists say it themselves, here and
in the routes.
*/}}
{{- define "oo.claims" -}}
volumeClaimTemplates:
  - apiVersion: v1
    kind: PersistentVolumeClaim
    metadata: {name: data}
    spec:
      accessModes: [ReadWriteOnce]
      volumeMode: Filesystem
      {{- with .root.Values.persistence.storageClass }}
      storageClassName: {{ . }}
      {{- end }}
      resources: {requests: {storage: {{ .storage }}}}
{{- end -}}

{{/* One of our Gateways as the parent of a route: takes its name. */}}
{{- define "oo.gatewayRef" -}}
{group: gateway.networking.k8s.io, kind: Gateway, name: {{ . }}}
{{- end -}}

{{/* A Service that a route leads to: (list name port), or (list name port weight). */}}
{{- define "oo.backendRef" -}}
{group: "", kind: Service, name: {{ index . 0 }}, port: {{ index . 1 }}{{ if gt (len .) 2 }}, weight: {{ index . 2 }}{{ end }}}
{{- end -}}

{{- define "oo.claimRetention" -}}
{{- $how := ternary "Retain" "Delete" .Values.persistence.keepOnUninstall -}}
persistentVolumeClaimRetentionPolicy: {whenDeleted: {{ $how }}, whenScaled: Retain}
{{- end -}}
