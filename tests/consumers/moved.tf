moved {
  from = terraform_data.updated
  to   = terraform_data.renamed
}
