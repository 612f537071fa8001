{{/* The gateway's settings; secrets as files, so that a replaced one is read without a restart. */}}
{{- define "gateway.environment" -}}
- {name: OCTOARGO_HUB_ADDRESS, value: {{ .Values.hub.address | quote }}}
{{- with .Values.hub.thumbprint }}
- {name: OCTOARGO_HUB_THUMBPRINT, value: {{ . | quote }}}
{{- end }}
{{- if .Values.hub.caBundle }}
- {name: OCTOARGO_HUB_CA_FILE, value: /run/octoargo/ca/hub.pem}
{{- end }}
{{- if .Values.hub.plaintext }}
- {name: OCTOARGO_HUB_PLAINTEXT, value: "true"}
{{- end }}
- {name: OCTOARGO_REGISTRATION_TOKEN_FILE, value: /run/octoargo/registration/token}
- {name: OCTOARGO_STATE_SECRET, value: {{ include "gateway.name" . }}-state}
{{- if gt (int .Values.replicas) 1 }}
- {name: OCTOARGO_LEASE_NAME, value: {{ include "gateway.name" . }}}
{{- end }}
- {name: OCTOARGO_MAY_SYNC, value: {{ .Values.maySync | quote }}}
- {name: OCTOARGO_ALIVE_FILE, value: /tmp/octoargo-alive}
- {name: OCTOARGO_LOG_LEVEL, value: {{ .Values.logLevel | quote }}}
- {name: ARGOCD_URL, value: {{ .Values.argocd.url | quote }}}
- {name: ARGOCD_TLS, value: {{ .Values.argocd.tls | quote }}}
- {name: ARGOCD_TOKEN_FILE, value: /run/octoargo/argocd/token}
{{- if .Values.argocd.caBundle }}
- {name: ARGOCD_CA_FILE, value: /run/octoargo/ca/argocd.pem}
{{- end }}
{{- with .Values.argocd.serverName }}
- {name: ARGOCD_SERVER_NAME, value: {{ . | quote }}}
{{- end }}
{{- range $name, $value := .Values.extraEnv }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end -}}
