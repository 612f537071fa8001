"""Pretend Git hosts: the pull-request side of GitHub, GitLab, Gitea, Azure DevOps and Bitbucket over real Git repositories.

state     what a host knows, alike for all: pull requests, labels, statuses, people, tokens, faults
merging   real merges in the bare repositories
events    webhooks on their way out
vendor    what every host's module shares: requests, answers, routes
pages     the plain web page on which a pull request is merged or closed
github gitlab gitea azure_devops bitbucket_cloud bitbucket_data_center   the hosts' own shapes
"""
