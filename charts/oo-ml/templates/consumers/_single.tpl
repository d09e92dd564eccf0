{{/*
A consumer of which one pod is enough: its position is in what it writes, and a second one would only take turns with it.
Takes (dict "root" $ "component" "…" "env" (list of variables) "secretName" "…" "resources" …).
*/}}
{{- define "oo.singleConsumer" -}}
{{- $it := dict "root" .root "component" .component "account" "consumer" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: oo-{{ .component }}
  {{- include "oo.meta" $it | nindent 2 }}
spec:
  replicas: 1
  strategy: {type: Recreate}
  selector:
    matchLabels: {{- include "oo.selector" $it | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "oo.labels" $it | nindent 8 }}
        oo-ml/consumer: "true"
    spec:
      {{- include "oo.pod" $it | nindent 6 }}
      terminationGracePeriodSeconds: 30
      containers:
        - name: {{ .component }}
          image: {{ include "oo.image" (dict "root" .root "component" "consumers") }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          command: [python, -P, -m, oo_consumers.{{ .component }}]
          env:
            {{- include "oo.natsEnv" (dict "root" .root "name" "OO_CONSUMER_NATS_URL") | nindent 12 }}
            {{- .env | nindent 12 }}
            - {name: OO_CONSUMER_REPLICAS, value: {{ .root.Values.nats.replicas | quote }}}
          {{- with .secretName }}
          envFrom: [{secretRef: {name: {{ . }}}}]
          {{- end }}
          ports: [{name: http, containerPort: 8080}]
          startupProbe: {httpGet: {path: /healthz/live, port: http}, periodSeconds: 1, failureThreshold: 60}
          readinessProbe: {httpGet: {path: /healthz/ready, port: http}, periodSeconds: 5, timeoutSeconds: 3}
          livenessProbe: {httpGet: {path: /healthz/live, port: http}, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6}
          resources: {{- toYaml .resources | nindent 12 }}
          securityContext: {{- include "oo.containerSecurity" .root | nindent 12 }}
          volumeMounts: [{name: tmp, mountPath: /tmp}]
      volumes: [{name: tmp, emptyDir: {}}]
{{- end -}}
