{{- define "oo.llmBase" -}}
{{- $builtin := ternary (printf "http://oo-llm.%s:8080/v1" .Release.Namespace) "" .Values.llm.builtin -}}
{{- default $builtin .Values.llm.apiBase -}}
{{- end -}}
