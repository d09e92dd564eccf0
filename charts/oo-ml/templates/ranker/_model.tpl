{{- define "oo.model" -}}
name: ""   # as KServe's webhook has it
modelFormat: {name: mlflow}
runtime: oo-mlflow
protocolVersion: v2
storageUri: {{ .uri | quote }}
resources: {{- toYaml .root.Values.predictor.resources | nindent 2 }}
{{- end -}}

{{/*
A version is first in shadow, then takes weight, then is champion: an upgrade that skips a step would send live calls
to pods that are not there. It is refused, where the cluster can be asked; `helm template` cannot ask.
*/}}
{{- define "oo.checkRollout" -}}
{{- $rollout := .Values.rollout -}}
{{- $challenger := $rollout.challenger -}}
{{- if and $challenger.name (not $challenger.model) }}
{{- fail "rollout.challenger.model: say what the challenger serves, like mlflow://tip-ranker/4" }}
{{- end }}
{{- if and (gt (int $challenger.weight) 0) (not $challenger.name) }}
{{- fail "rollout.challenger.weight: there is no challenger to give weight to: set rollout.challenger.name" }}
{{- end }}
{{- if and $challenger.name (eq $challenger.name $rollout.champion.name) }}
{{- fail (printf "rollout.challenger.name: %s is the champion's name" $challenger.name) }}
{{- end }}
{{- if gt (int $challenger.replicas) (int .Values.predictor.replicas) }}
{{- fail "rollout.challenger.replicas: KServe allows no more than predictor.replicas" }}
{{- end }}
{{- if lookup "v1" "Namespace" "" .Release.Namespace }}
{{- if gt (int $challenger.weight) 0 }}
{{- include "oo.checkReady" (dict "root" . "name" $challenger.name "field" "rollout.challenger.weight") }}
{{- end }}
{{- if and .Release.IsUpgrade $rollout.champion.name }}
{{- include "oo.checkReady" (dict "root" . "name" $rollout.champion.name "field" "rollout.champion.name") }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "oo.checkReady" -}}
{{- $found := lookup "apps/v1" "Deployment" .root.Release.Namespace (include "oo.predictorDeployment" .name) -}}
{{- if lt (int (dig "status" "readyReplicas" 0 $found)) 1 }}
{{- fail (printf "%s: %s has no ready pod: first let it run in shadow (rollout.challenger.name=%s, weight=0)" .field .name .name) }}
{{- end }}
{{- end -}}
