{{/* The pod of a batch job: (dict "root" $ "args" (list …)). */}}
{{- define "oo.jobPod" -}}
{{- $it := dict "root" .root "component" "pipeline" -}}
metadata:
  labels: {{- include "oo.labels" $it | nindent 4 }}
spec:
  restartPolicy: Never
  {{- include "oo.pod" $it | nindent 2 }}
  containers:
    - name: pipeline
      image: {{ include "oo.image" (dict "root" .root "component" "pipelines") }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      args: {{- toYaml .args | nindent 8 }}
      env:
        {{- include "oo.natsEnv" (dict "root" .root "name" "OO_PIPELINE_NATS_URL") | nindent 8 }}
        {{- include "oo.storeEnv" (dict "root" .root "name" "OO_PIPELINE_STORE_URL") | nindent 8 }}
        - {name: OO_PIPELINE_TRACKING_URI, value: {{ include "oo.mlflowUrl" .root | quote }}}
        - {name: HOME, value: /tmp}
      {{- with .root.Values.mlflow.secretName }}
      envFrom: [{secretRef: {name: {{ . }}}}]   # which MLflow's client reads itself
      {{- end }}
      resources: {{- toYaml .root.Values.pipelines.resources | nindent 8 }}
      securityContext: {{- include "oo.containerSecurity" .root | nindent 8 }}
      volumeMounts: [{name: tmp, mountPath: /tmp}]
  volumes: [{name: tmp, emptyDir: {}}]
{{- end -}}
